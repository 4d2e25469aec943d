import { startDeadline } from '../runtime/deadline.ts';
import type { Clock } from '../runtime/clock.ts';

/** How long a stranger may take to answer, milliseconds. */
const probeMs = 1500;
/** The longest answer that is read, characters. */
const maxCharacters = 1_000_000;

/** What answers at an address to which a Prometheus sends alerts. */
export type Probe =
  | { readonly is: 'tocsin'; readonly instance: string }
  | { readonly is: 'alertmanager'; readonly version: string }
  | { readonly is: 'prometheus' }
  /** It answers, but does not say what it is: it wants credentials, or is something else. */
  | { readonly is: 'other'; readonly status: number }
  | { readonly is: 'unreachable'; readonly code: string };

/** Asks whoever is there what it is. No credentials are sent: it may be anybody. Never rejects. */
export async function probe(clock: Clock, url: string, caller: AbortSignal): Promise<Probe> {
  const base = alertmanagerBase(url);
  const deadline = startDeadline(clock, probeMs, caller);
  const ask = (path: string): Promise<Answer> => answerOf(`${base}${path}`, deadline.signal);
  try {
    const own = await ask('/api/tocsin/v1/status');
    if (typeof own.json['instance'] === 'string') return { is: 'tocsin', instance: own.json['instance'] };
    const { versionInfo } = (await ask('/api/v2/status')).json;
    if (isObject(versionInfo)) {
      const { version } = versionInfo;
      return { is: 'alertmanager', version: typeof version === 'string' ? version : '' };
    }
    const { data } = (await ask('/api/v1/status/buildinfo')).json;
    return isObject(data) ? { is: 'prometheus' } : { is: 'other', status: own.status };
  } catch (error) {
    return { is: 'unreachable', code: deadline.expired() ? `no answer within ${probeMs / 1000} s` : codeOf(error) };
  } finally {
    deadline.end();
  }
}

/** A page, without credentials; undefined if there is none. Never rejects. */
export async function pageOf(clock: Clock, url: string, caller: AbortSignal): Promise<string | undefined> {
  const deadline = startDeadline(clock, probeMs, caller);
  try {
    const response = await fetch(url, { signal: deadline.signal, redirect: 'manual' });
    return response.ok ? await response.text() : undefined;
  } catch {
    return undefined;
  } finally {
    deadline.end();
  }
}

/** The URL of an Alertmanager, without the path of the API. */
export function alertmanagerBase(url: string): string {
  return url.replace(/[?#].*$/, '').replace(/\/api\/v[12]\/alerts\/?$/, '');
}

interface Answer {
  readonly status: number;
  readonly json: Readonly<Record<string, unknown>>;
}

async function answerOf(url: string, signal: AbortSignal): Promise<Answer> {
  const response = await fetch(url, { signal, redirect: 'manual', headers: { Accept: 'application/json' } });
  const text = (await response.text()).slice(0, maxCharacters);
  try {
    const json: unknown = JSON.parse(text);
    return { status: response.status, json: isObject(json) ? json : {} };
  } catch {
    return { status: response.status, json: {} };
  }
}

function isObject(found: unknown): found is Readonly<Record<string, unknown>> {
  return typeof found === 'object' && found !== null && !Array.isArray(found);
}

/** The fetch of Node says "fetch failed", and the reason in its cause. */
function codeOf(error: unknown): string {
  const { code, cause, message } = error as NodeJS.ErrnoException & { readonly cause?: unknown };
  if (cause instanceof AggregateError) return codeOf((cause.errors as unknown[]).at(-1));
  return cause instanceof Error ? codeOf(cause) : (code ?? message);
}

/** What it is, in words. */
export function probed(found: Probe): string {
  switch (found.is) {
    case 'tocsin':
      return `a Tocsin (instance ${found.instance})`;
    case 'alertmanager':
      return `an Alertmanager ${found.version}`;
    case 'prometheus':
      return 'a Prometheus: is the port that of Prometheus itself?';
    case 'other':
      return `something that does not say what it is (${found.status})`;
    case 'unreachable':
      return found.code === 'ENOTFOUND' || found.code === 'EAI_AGAIN'
        ? `not found: the name does not resolve here (${found.code})`
        : `not reachable from here (${found.code})`;
  }
}
