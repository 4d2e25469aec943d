import type { ApiError } from '../api/api-error.ts';

/**
 * What a reflector does next.
 *
 *     discovering ──found──▶ listing ──listed──▶ watching ──ended──▶ watching (from where it was)
 *        ▲  │                  ▲  │                │ │
 *        │  └─not installed:   │  └─any failure:   │ └─410: listing
 *        │    later            │    again          └───any other failure: watching, from where it was
 *        └────404─────────────────────404────────────
 *
 * A watch of a version that is not the best one begins with another discovery; what it finds is listed.
 */
export type ReflectorPhase = 'discovering' | 'listing' | 'watching';

export interface ReflectorState {
  readonly phase: ReflectorPhase;
  /** Failures in a row, a resource that is not installed included: since a list or a watch last brought anything. */
  readonly failures: number;
}

/** What came of a phase. */
export type PhaseOutcome =
  | { readonly kind: 'found' }
  | { readonly kind: 'not_installed' }
  | { readonly kind: 'listed' }
  /** A watch that was of use ended in good order: the time that was asked for was over. */
  | { readonly kind: 'ended' }
  | { readonly kind: 'failed'; readonly error: ApiError; readonly progressed: boolean };

export interface ReflectorStep extends ReflectorState {
  /** To wait before that phase, milliseconds. */
  readonly delayMs: number;
}

/** As client-go's reflector; at its longest with the jitter that keeps many from coming together. */
const minDelayMs = 800;
const maxDelayMs = 30_000;
/** At most half of the delay again. */
const jitter = 0.5;
const maxNotInstalledMs = 60_000;
/** However long a server asks to wait. */
const maxRetryAfterMs = 60_000;

export const initialState: ReflectorState = { phase: 'discovering', failures: 0 };

/** @param random 0 up to 1, not included */
export function nextStep({ phase, failures }: ReflectorState, outcome: PhaseOutcome, random: number): ReflectorStep {
  switch (outcome.kind) {
    case 'found':
      return { phase: 'listing', failures, delayMs: 0 };
    case 'not_installed':
      // An operator that is installed anew deletes its CRDs and brings them back.
      return {
        phase: 'discovering',
        failures: failures + 1,
        delayMs: backOffMs(failures + 1, random, maxNotInstalledMs),
      };
    case 'listed':
      return { phase: 'watching', failures, delayMs: 0 };
    case 'ended':
      return { phase: 'watching', failures: 0, delayMs: 0 };
    case 'failed':
      return afterFailure(phase, outcome.progressed ? 0 : failures, outcome.error, random);
  }
}

/** True if the version to go on from, or the rest of a paged list, is no longer to be had. */
export function isExpired({ status, reason }: ApiError): boolean {
  return status === 410 || reason === 'Expired' || reason === 'Gone';
}

function afterFailure(phase: ReflectorPhase, earlier: number, error: ApiError, random: number): ReflectorStep {
  const failures = earlier + 1;
  const delayMs = Math.max(backOffMs(failures, random), Math.min(error.retryAfterMs ?? 0, maxRetryAfterMs));
  if (error.status === 404) return { phase: 'discovering', failures, delayMs };
  if (!isExpired(error)) return { phase, failures, delayMs };
  // That is how it should be after a long pause: no reason to wait, the first time.
  return { phase: phase === 'watching' ? 'listing' : phase, failures, delayMs: earlier === 0 ? 0 : delayMs };
}

function backOffMs(failures: number, random: number, maxMs = maxDelayMs): number {
  const longest = maxMs / (1 + jitter);
  return Math.min(longest, minDelayMs * 2 ** Math.min(failures - 1, 10)) * (1 + jitter * random);
}
