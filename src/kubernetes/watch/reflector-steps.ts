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
  /** Failures in a row since a list or a watch last delivered anything; a resource that is not installed counts as a failure. */
  readonly failures: number;
}

/** How a phase ended. */
export type PhaseOutcome =
  | { readonly kind: 'found' }
  | { readonly kind: 'not_installed' }
  | { readonly kind: 'listed' }
  /** A useful watch ended in good order: the requested time was over. */
  | { readonly kind: 'ended' }
  | { readonly kind: 'failed'; readonly error: ApiError; readonly progressed: boolean };

export interface ReflectorStep extends ReflectorState {
  /** The delay before that phase, in milliseconds. */
  readonly delayMs: number;
}

/** As in client-go's reflector; the longest delay includes the jitter that keeps many clients from coming together. */
const minDelayMs = 800;
const maxDelayMs = 30_000;
/** Adds up to half of the delay. */
const jitter = 0.5;
const maxNotInstalledMs = 60_000;
/** The longest delay, however long a server asks to wait. */
const maxRetryAfterMs = 60_000;

export const initialState: ReflectorState = { phase: 'discovering', failures: 0 };

/** @param random from 0 up to, but not including, 1 */
export function nextStep({ phase, failures }: ReflectorState, outcome: PhaseOutcome, random: number): ReflectorStep {
  switch (outcome.kind) {
    case 'found':
      return { phase: 'listing', failures, delayMs: 0 };
    case 'not_installed':
      // An operator that is reinstalled deletes its CRDs and creates them again.
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

/** True if the version to go on from, or the rest of a paged list, has expired. */
export function isExpired({ status, reason }: ApiError): boolean {
  return status === 410 || reason === 'Expired' || reason === 'Gone';
}

function afterFailure(phase: ReflectorPhase, earlier: number, error: ApiError, random: number): ReflectorStep {
  const failures = earlier + 1;
  const delayMs = Math.max(backOffMs(failures, random), Math.min(error.retryAfterMs ?? 0, maxRetryAfterMs));
  if (error.status === 404) return { phase: 'discovering', failures, delayMs };
  if (!isExpired(error)) return { phase, failures, delayMs };
  // This is normal after a long pause: the first time there is no reason to wait.
  return { phase: phase === 'watching' ? 'listing' : phase, failures, delayMs: earlier === 0 ? 0 : delayMs };
}

function backOffMs(failures: number, random: number, maxMs = maxDelayMs): number {
  const longest = maxMs / (1 + jitter);
  return Math.min(longest, minDelayMs * 2 ** Math.min(failures - 1, 10)) * (1 + jitter * random);
}
