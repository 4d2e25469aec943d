import { fingerprint } from '../alert/labels.ts';
import type { Lane } from '../cause/causes.ts';
import type { Fact } from '../history/fact.ts';
import { labelsOf, objectOf, objectsOf, textOf, textsOf } from './fact-fields.ts';
import { given } from './run-story.ts';
import type { Effect, Verdict } from './schema.ts';

/** The alert whose effects are listed. */
export interface ToldAlert {
  readonly fingerprint: string;
  /** The store's hash, which is also in the field `verdicts` of `alerts.received`. */
  readonly hash: number;
  readonly alertname: string;
  /** A Tocsin has sent it about a pipeline. */
  readonly isNotification: boolean;
  /** The keys of the triggers that it matches now. */
  readonly triggers: readonly string[];
  /** The keys of those that would match if their namespaces had not opted out. */
  readonly optedOut: readonly string[];
  /** Whether `source.select` holds now. */
  readonly isDefault: boolean;
  /** The reader may see the alerts of some namespaces alone: one that inhibits may be of the platform. */
  readonly isForTeam: boolean;
}

/** Why a notification wakes nothing. */
export const ownNotification =
  'a Tocsin sent it about a pipeline (notify), and an Alertmanager brought it back: it wakes nothing, or a verdict would be its own cause';

/** An effect of an alert before the runs of its event are known. */
export interface OpenEffect extends Omit<Effect, 'runs'> {
  /** Its place in the history. */
  readonly id: number;
}

/** Why triggers that match were not woken. */
interface Held {
  readonly verdict: 'suspended' | 'inhibited';
  readonly because: string;
  readonly triggers: string[];
}

const events = [
  'alerts.received',
  'alerts.invalid',
  'alerts.suppressed',
  'alert.expired',
  'event.emitted',
  'channel.full',
  'requests.enqueued',
  'causes.named',
  'trigger.suppressed',
  'trigger.storm',
];
const told = new RegExp(`"event":"(?:${events.map((event) => event.replace('.', String.raw`\.`)).join('|')})"`);

/** A fast check whether a line may be about the effects of alerts. */
export function tellsOfAlerts(line: string): boolean {
  return told.test(line.slice(0, 200));
}

/**
 * Goes through the facts, the newest first, and gives the effects of an alert. An alert that wakes a run goes into the next event that
 * is emitted in its lane: nothing can come in between. So the event of a request is the last one of that lane seen on the way back.
 */
export class EffectFinder {
  readonly #alert: ToldAlert;
  /** In each lane the event that follows the current place. */
  readonly #events: { platform?: Fact; user?: Fact } = {};
  /** The number of requests of each event, and the event into which it was merged. */
  readonly #requests = new Map<string, number>();
  readonly #mergedInto = new Map<string, string>();
  /** The triggers that each event woke, and what kept others from it. */
  readonly #woken = new Map<string, Set<string>>();
  readonly #suppressions = new Map<string, Fact[]>();
  readonly #storms = new Set<string>();
  /** The events that the end of a silence caused. One has its alerts named again for triggers that had to wait. */
  readonly #unsilencedIn = new Set<string>();
  /** The silenced alerts among those that expired together. */
  #suppressed: Fact | undefined;

  constructor(alert: ToldAlert) {
    this.#alert = alert;
  }

  /** The effects that this fact shows. */
  take(fact: Fact): readonly OpenEffect[] {
    switch (fact.event) {
      case 'event.emitted':
        this.#events[laneOf(fact)] = fact;
        return [];
      case 'requests.enqueued':
      case 'trigger.suppressed':
      case 'trigger.storm':
        this.#became(fact);
        return [];
      case 'channel.full':
        if (typeof fact['merged_into'] === 'string')
          this.#mergedInto.set(String(fact['event_id']), fact['merged_into']);
        return [];
      case 'alerts.suppressed':
        if (fact['request_id'] === undefined) this.#suppressed = fact;
        return [];
      case 'alerts.received':
        return this.#received(fact);
      case 'alerts.invalid':
        return this.#invalid(fact);
      case 'alert.expired':
        return fact['fingerprint'] === this.#alert.fingerprint ? [this.#expired(fact)] : [];
      default:
        return this.#unsilenced(fact);
    }
  }

  /** What keeps the triggers of the alert from being woken by this event; undefined if nothing is known to. */
  heldIn(eventId: string): Held | undefined {
    const own = (this.#suppressions.get(eventId) ?? []).filter(({ trigger }) => this.#isOwn(trigger));
    if (own.length === 0) return undefined;
    const isInhibited = own[0]!['because'] === 'inhibited';
    const source = (this.#alert.isForTeam ? undefined : textOf(own[0]!['source'])) ?? 'another alert';
    const because = isInhibited ? `${source} fired, and inhibited` : 'suspended:';
    const triggers = [...new Set(own.map(({ trigger }) => String(trigger)))];
    return {
      verdict: isInhibited ? 'inhibited' : 'suspended',
      because: `${because} ${triggers.join(', ')}`,
      triggers,
    };
  }

  /** What became of an event, and of those that had joined it. */
  #became(fact: Fact): void {
    for (const id of eventIdsIn(fact))
      if (fact.event === 'requests.enqueued') this.#enqueued(fact, id);
      else if (fact.event === 'trigger.storm') this.#storms.add(id);
      else getOrAdd(this.#suppressions, id, (): Fact[] => []).push(fact);
  }

  /** An event has more than one line if triggers had to wait for an answer. */
  #enqueued(fact: Fact, eventId: string): void {
    this.#requests.set(eventId, (this.#requests.get(eventId) ?? 0) + Number(fact['requests']));
    const woken = getOrAdd(this.#woken, eventId, () => new Set<string>());
    // A trigger that has gone since may have been that of another alert of the event.
    for (const key of textsOf(fact['triggers'])) if (this.#isOwn(key) || fact['alerts'] === 1) woken.add(key);
  }

  /** The triggers that the alert woke with this event. */
  wokenIn(eventId: string): readonly string[] {
    return [...(this.#woken.get(eventId) ?? [])];
  }

  /** Whether the runs of the event go out one after the other. */
  isStorm(eventId: string): boolean {
    return this.#storms.has(eventId);
  }

  #isOwn(key: unknown): boolean {
    return this.#alert.triggers.includes(String(key));
  }

  #received(fact: Fact): readonly OpenEffect[] {
    const verdicts = objectOf(fact['verdicts']) ?? {};
    for (const verdict of ['woke', 'over_limit', 'repeat_ignored', 'own_notification'] as const) {
      if (!holds(verdicts[verdict], this.#alert.hash)) continue;
      if (verdict === 'own_notification') return [effect(fact, verdict, { because: ownNotification })];
      if (verdict === 'repeat_ignored')
        return [effect(fact, verdict, { because: 'it told nothing new, and source.repeats is ignore' })];
      return [this.#woke(fact, verdict, holds(verdicts['platform'], this.#alert.hash) ? 'platform' : 'user')];
    }
    for (const { alerts, silences } of objectsOf(verdicts['silenced']))
      if (holds(alerts, this.#alert.hash)) return [silenced(fact, textsOf(silences))];
    return [];
  }

  #woke(fact: Fact, verdict: 'woke' | 'over_limit', lane: Lane): OpenEffect {
    const event = this.#events[lane];
    if (event === undefined)
      return effect(fact, verdict, {
        because: 'it waits for source.debounce to end, and for the alerts that come until then',
      });
    const own = String(event['event_id']);
    const eventId = this.#mergedInto.get(own) ?? own;
    if (this.#requests.get(eventId) === 0) return this.#wokeNothing(fact, eventId);
    if (verdict === 'over_limit') {
      const because =
        'the store was full (receiver.max_alerts, receiver.max_alerts_size): it is not stored, and woke all the same';
      return effect(fact, verdict, { because, event_id: eventId });
    }
    const first = textsOf(event['request_ids'])[0];
    const isFirst = event['edge'] === 'leading' || first === fact['request_id'];
    if (isFirst && eventId === own) {
      const because =
        lane === 'platform' ? 'it is an alert of the platform (lanes.platform), which goes first' : undefined;
      return effect(fact, 'woke', { because, event_id: eventId });
    }
    const because =
      eventId === own
        ? `it came while others waited (source.debounce), and went with them in one event`
        : 'the channel was full, so its event was merged into one that waited';
    return effect(fact, 'merged', { because, event_id: eventId });
  }

  #wokeNothing(fact: Fact, eventId: string): OpenEffect {
    const held = this.heldIn(eventId);
    if (held !== undefined)
      return { ...effect(fact, held.verdict, { because: held.because, event_id: eventId }), triggers: held.triggers };
    const { verdict, because } = nothingChosen(this.#alert);
    return effect(fact, verdict, { because, event_id: eventId });
  }

  #invalid(fact: Fact): readonly OpenEffect[] {
    return objectsOf(fact['invalid_alerts'])
      .filter(({ labels }) => fingerprint(labelsOf(labels) ?? {}) === this.#alert.fingerprint)
      .map(({ problem }) => effect(fact, 'invalid', { because: textOf(problem) }));
  }

  /** It ended because nobody sent it again, so it counts as resolved. */
  #expired(fact: Fact): OpenEffect {
    const silences = this.#suppressed;
    if (silences !== undefined && textsOf(silences['alertnames']).includes(this.#alert.alertname))
      return silenced(fact, textsOf(silences['silences']));
    if (this.#alert.isNotification) return effect(fact, 'own_notification', { because: ownNotification });
    const woke = this.#woke(fact, 'woke', laneOf(fact));
    if (wokeNothing.has(woke.verdict)) return woke;
    return { ...woke, verdict: 'woke', because: 'nobody sent it again in time, so it counts as resolved' };
  }

  #unsilenced(fact: Fact): readonly OpenEffect[] {
    const alert = objectsOf(fact['alerts']).find((each) => each['fingerprint'] === this.#alert.fingerprint);
    if (alert?.['status'] !== 'silence expired' || fact['event_ids'] !== undefined) return [];
    const eventId = String(fact['causes_id']);
    if (this.#unsilencedIn.has(eventId)) return [];
    this.#unsilencedIn.add(eventId);
    const because = 'the last silence that kept it from waking anybody has ended';
    return [effect(fact, 'woke', { because, event_id: eventId })];
  }
}

const wokeNothing: ReadonlySet<Verdict> = new Set(['no_pipeline', 'suspended', 'inhibited', 'opted_out']);

/** Why an event chose no object for an alert, as far as the triggers of now can tell. */
export function nothingChosen({ isDefault, triggers, optedOut }: ToldAlert): Pick<OpenEffect, 'verdict' | 'because'> {
  if (triggers.length > 0) return noPipeline(`the targets of ${triggers.join(', ')} led to no object`);
  if (optedOut.length > 0)
    return { verdict: 'opted_out', because: `the namespace of ${optedOut.join(', ')} has opted out of triggers` };
  if (isDefault) return noPipeline('it concerns no pipeline that there is');
  return noPipeline('no trigger matches it, and source.select does not hold (triggers.default)');
}

/** Why triggers that match now had no part in an event that woke others, in sentences. */
export function notWoken(
  { triggers, optedOut }: ToldAlert,
  woken: readonly string[],
  held: Held | undefined,
): readonly string[] {
  const idle = triggers.filter((key) => !woken.includes(key) && held?.triggers.includes(key) !== true);
  return [
    ...(held === undefined ? [] : [held.because]),
    ...(idle.length > 0 ? [`${idle.join(', ')} led to no object, or is newer: see tocsin explain`] : []),
    ...(optedOut.length > 0 ? [`the namespace of ${optedOut.join(', ')} has opted out of triggers`] : []),
  ];
}

/** What is told of an event that is a storm. */
export const inStorm =
  'its event concerned so many objects that their runs go out one after the other (storm.rate); tocsin resume lets them out at once';

function noPipeline(because: string): Pick<OpenEffect, 'verdict' | 'because'> {
  return { verdict: 'no_pipeline', because };
}

function getOrAdd<Value>(map: Map<string, Value>, key: string, make: () => Value): Value {
  const known = map.get(key);
  if (known !== undefined) return known;
  const value = make();
  map.set(key, value);
  return value;
}

/** The events that the fact is about: several if they became one. */
function eventIdsIn(fact: Fact): readonly string[] {
  const ids = textsOf(fact['event_ids']);
  return ids.length > 0 ? ids : [String(fact['event_id'])];
}

function laneOf(fact: Fact): Lane {
  return fact['lane'] === 'platform' ? 'platform' : 'user';
}

function silenced(fact: Fact, silences: string[]): OpenEffect {
  return effect(fact, 'silenced', { because: `a silence holds: ${silences.join(', ')}`, silences });
}

type Details = Partial<Pick<Effect, 'because' | 'silences'>> & { readonly event_id?: string };

function effect(
  fact: Fact,
  verdict: Verdict,
  details: { readonly [name in keyof Details]?: Details[name] | undefined },
): OpenEffect {
  return {
    id: fact.id,
    ...given('request_id', textOf(fact['request_id'])),
    at: fact.time,
    verdict,
    ...given('because', details.because),
    ...given('silences', details.silences),
    ...given('event_id', details.event_id),
  };
}

/** True if a list of hashes, 32 bits each in Base64, contains the hash. */
function holds(list: unknown, hash: number): boolean {
  if (typeof list !== 'string') return false;
  const bytes = Buffer.from(list, 'base64');
  for (let at = 0; at + 4 <= bytes.length; at += 4) if (bytes.readInt32LE(at) === hash) return true;
  return false;
}
