import { decisionText, type Decision, type ConditionTransition, type Pipeline } from '../../reconcile/ports.ts';
import { oneLine } from '../../cause/causes.ts';

/** The time between two writes of the Event of one pipeline and reason, at least, in milliseconds. */
export const eventPeriodMs = 60_000;

/** A transition that recurs within this time belongs to the same Event, as in client-go, in milliseconds. */
const eventSeriesMs = 360_000;

/** An Event of `events.k8s.io/v1`, without its series. */
export interface KubernetesEvent {
  readonly apiVersion: 'events.k8s.io/v1';
  readonly kind: 'Event';
  readonly metadata: { readonly name: string; readonly namespace: string };
  /** RFC 3339 with exactly six digits of a second: the API server accepts no other number. */
  readonly eventTime: string;
  readonly reportingController: string;
  readonly reportingInstance: string;
  readonly action: string;
  readonly reason: string;
  readonly type: 'Normal' | 'Warning';
  readonly note: string;
  readonly regarding: {
    readonly apiVersion: string;
    readonly kind: string;
    readonly name: string;
    readonly namespace?: string;
    readonly uid?: string;
  };
}

/** What distinguishes one Event from another. */
export interface EventIdentity {
  /** The name of this process, which is its pod's name. */
  readonly instance: string;
  /** Different for every Event: 16 characters of a-z and 0-9. */
  readonly id: string;
  /** Milliseconds. */
  readonly at: number;
}

/** The limits of the API server: bytes of a note, characters of the others. */
const maxNoteBytes = 1024;
const maxFieldLength = 128;
const maxNameLength = 253;

/** The object that an Event is about. */
export interface Regarding {
  readonly apiVersion: string;
  readonly kind: string;
  readonly namespace?: string;
  readonly name: string;
  readonly uid?: string;
}

/** What an Event says. */
interface Told extends Pick<KubernetesEvent, 'type' | 'reason' | 'action' | 'note'> {}

/** An Event about an object. For a cluster-scoped object it is in the namespace `default`, as with client-go's recorder. */
export function eventAbout(
  { apiVersion, kind, name, namespace, uid }: Regarding,
  { type, reason, action, note }: Told,
  { instance, id, at }: EventIdentity,
): KubernetesEvent {
  return {
    apiVersion: 'events.k8s.io/v1',
    kind: 'Event',
    metadata: { name: eventName(name, id), namespace: namespace ?? 'default' },
    eventTime: microTime(at),
    reportingController: 'tocsin.dev/tocsin',
    reportingInstance: instance.slice(0, maxFieldLength),
    action,
    reason: reason.slice(0, maxFieldLength),
    type,
    note: cut(note, maxNoteBytes),
    regarding: {
      apiVersion,
      kind,
      name,
      ...(namespace !== undefined && { namespace }),
      ...(uid !== undefined && { uid }),
    },
  };
}

/** The Event of a transition. */
export function kubernetesEvent(
  pipeline: Pipeline,
  transition: ConditionTransition,
  decision: Decision,
  identity: EventIdentity,
): KubernetesEvent {
  const { reason, to } = transition;
  const note = eventNote(pipeline, transition, decision);
  const type = to === 'True' ? 'Normal' : 'Warning';
  return eventAbout(pipeline, { type, reason, action: 'UpdateCondition', note }, identity);
}

/** `2026-11-21T03:00:00.125000Z` */
function microTime(ms: number): string {
  return new Date(ms).toISOString().replace(/\.(\d{3})Z$/, '.$1000Z');
}

/** The deciding alert comes first: readers of a list of Events look for it. Other alerts may have woken the run. */
function eventNote({ kind, name }: Pipeline, transition: ConditionTransition, decision: Decision): string {
  const { type, from, fromReason, to, message } = transition;
  const before = from === '' ? 'is' : `was ${from} (${fromReason}), is`;
  return `${oneLine(decisionText(decision))}: ${type} of ${kind} ${name} ${before} ${to}: ${message}`;
}

/** The longest beginning of a text in this many bytes that ends with a whole character. */
function cut(text: string, maxBytes: number): string {
  const bytes = Buffer.from(text);
  if (bytes.length <= maxBytes) return text;
  return new TextDecoder().decode(bytes.subarray(0, maxBytes - 3), { stream: true }) + '…';
}

/** A DNS subdomain: the part of the name that remains before the dot must end in a letter or a digit. */
function eventName(name: string, id: string): string {
  return `${name.slice(0, maxNameLength - id.length - 1).replace(/[^a-z0-9]+$/, '')}.${id}`;
}

/** The body of a PATCH of an Event that has already been written. */
interface SeriesPatch {
  readonly series: { readonly count: number; readonly lastObservedTime: string };
}

/**
 * One Event and how often it has happened. It is written when it first happens; repeats are counted, and written as its series
 * at most once in {@link eventPeriodMs}. Pure: the caller passes the time.
 */
export class EventSeries {
  readonly event: KubernetesEvent;
  #count = 0;
  #lastObservedAt = 0;
  #writtenAt: number | undefined;
  /** True once the API server has the Event, so that it is patched and not created. */
  isCreated = false;

  constructor(event: KubernetesEvent) {
    this.event = event;
  }

  /** Counts an occurrence at `now`. */
  observe(now: number): void {
    this.#count++;
    this.#lastObservedAt = now;
  }

  /** True if it has not happened for so long that the next occurrence is another Event. */
  isOver(now: number): boolean {
    return Math.abs(now - this.#lastObservedAt) > eventSeriesMs;
  }

  /** How long to wait before it may be written, in milliseconds. A clock that was set back makes nobody wait longer. */
  waitMs(now: number): number {
    if (this.#writtenAt === undefined) return 0;
    return Math.min(Math.max(0, this.#writtenAt + eventPeriodMs - now), eventPeriodMs);
  }

  /** A write starts at `now`, whether or not it will succeed: a failure is no reason to hurry. */
  startWrite(now: number): void {
    this.#writtenAt = now;
  }

  /** The object to create. The API server accepts a series from the second occurrence on. */
  get body(): KubernetesEvent & Partial<SeriesPatch> {
    return this.#count < 2 ? this.event : { ...this.event, ...this.patch };
  }

  get patch(): SeriesPatch {
    return { series: { count: this.#count, lastObservedTime: microTime(this.#lastObservedAt) } };
  }
}
