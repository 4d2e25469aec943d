import type { Alert, PostableAlert } from '../../alert/alert.ts';
import type { AlertStore, PutResult } from '../../alert/alert-store.ts';
import { Causes } from '../../cause/causes.ts';
import { addCause, briefLabelSet } from '../../cause/alert-cause.ts';
import type { LabelSet } from '../../alert/labels.ts';
import type { Silencing } from '../../silence/silences.ts';
import { Suppressed } from './alert-lines.ts';
import { DebugField } from '../../runtime/logger.ts';
import type { Silence } from '../../silence/silence.ts';

/** Most invalid alerts of one batch that are named in the answer and in the log. */
export const maxNamedProblems = 100;

/** Does an alert that tells nothing new wake a reconcile? It does by default: it heals a push that was lost. */
export type Repeats = 'trigger' | 'ignore';

/** An alert that began or ended with this batch. */
export interface AlertTransition {
  readonly event: 'alert.new' | 'alert.resolved';
  readonly alert: Alert;
}

/** An alert that is not stored, and why. */
interface InvalidAlert {
  readonly labels: LabelSet;
  readonly problem: string;
}

/** So many invalid alerts of a request are told of with their labels. */
const maxNamedInvalid = 10;

interface AlertIntakeOptions {
  readonly store: AlertStore;
  readonly repeats: Repeats;
  readonly silencing: Silencing;
  /** One time for the whole batch, as in Alertmanager; milliseconds. */
  readonly now: number;
  /** What a character of the body takes in memory: 1 if it was all ASCII. */
  readonly characterBytes: 1 | 2;
  /** How the sender calls an alert, by its index. */
  readonly nameOf: (index: number) => string;
  /** How long to believe in an alert without an end, if that differs from `receiver.resolve_timeout`; milliseconds. */
  readonly resolveTimeoutMs?: number | undefined;
  /** The alert lines for what changed. */
  readonly onTransition: (transition: AlertTransition) => void;
}

/** Takes in the valid alerts of one batch, one by one, and counts and gathers what there is to tell of it. */
export class AlertIntake {
  readonly #options: AlertIntakeOptions;
  received = 0;
  firing = 0;
  resolved = 0;
  invalid = 0;
  /** Those that fire and did not before. */
  new = 0;
  /** Those that the store had no room for; they wake a reconcile all the same. */
  notStored = 0;
  /** Those that are stored, but with the annotations that they had before: there was no room for the new ones. */
  notUpdated = 0;
  /** Those that would have woken a reconcile, but for a silence. */
  readonly suppressed = new Suppressed();
  /** What became of each. */
  readonly told = new ToldAlerts();
  /** Some of the invalid ones, with the reason: nothing else tells what they were. */
  readonly invalidAlerts: InvalidAlert[] = [];
  /** Why invalid alerts are invalid, each with its index; the first {@link maxNamedProblems}. */
  readonly problems: string[] = [];
  /** What wakes a reconcile; if there is no alert in it, nothing does. */
  readonly causes = new Causes();

  constructor(options: AlertIntakeOptions) {
    this.#options = options;
  }

  add(posted: PostableAlert): void {
    const { store, now, characterBytes, resolveTimeoutMs } = this.#options;
    const index = this.received++;
    // Counted before it is validated, as Alertmanager does.
    if (posted.endsAt === undefined || posted.endsAt > now) this.firing++;
    else this.resolved++;
    const stored = store.put(posted, now, characterBytes, resolveTimeoutMs);
    if (typeof stored === 'string') this.#refuse(index, posted, stored);
    else this.#count(stored);
  }

  /** The sender kept `count` alerts for itself: nobody knows whom they concern, and so every pipeline is. */
  addTruncated(count: number): void {
    if (count > 0) this.causes.addTruncated(count, this.#options.now);
  }

  /** The text of the 400 for the invalid alerts; the others are stored. */
  get refusal(): string {
    const more = this.invalid - this.problems.length;
    return [...this.problems, ...(more > 0 ? [`and ${more} more`] : [])].join('\n');
  }

  #refuse(index: number, { labels }: PostableAlert, problem: string): void {
    this.invalid++;
    if (this.invalidAlerts.length < maxNamedInvalid)
      this.invalidAlerts.push({ labels: briefLabelSet(labels).labels, problem });
    if (this.problems.length < maxNamedProblems) this.problems.push(`${this.#options.nameOf(index)}: ${problem}`);
  }

  #count({ alert, change, limited }: PutResult): void {
    if (limited === 'alert') this.notStored++;
    else if (limited === 'annotations') this.notUpdated++;
    if (change === 'new') this.new++;
    if (change === 'new') this.#options.onTransition({ event: 'alert.new', alert });
    if (change === 'resolved') this.#options.onTransition({ event: 'alert.resolved', alert });
    if (change === 'repeated' && this.#options.repeats === 'ignore' && limited === undefined)
      return this.told.add(alert, 'repeat_ignored');
    const { now, silencing } = this.#options;
    const silences = silencing(alert, now);
    if (silences.length > 0) {
      this.told.add(alert, 'silenced', silences);
      this.suppressed.add(alert, silences);
    } else {
      this.told.add(alert, limited === 'alert' ? 'over_limit' : 'woke');
      addCause(this.causes, alert, alert.announced, now);
    }
  }
}

/** What became of an alert of a request, as far as the receiver knows. */
type ToldAs = 'woke' | 'silenced' | 'repeat_ignored' | 'over_limit';

/** So many alerts of one request are told of, and so many sets of silences; the rest is counted. */
const maxTold = 10_000;
const maxSilenceSets = 20;

interface Silenced {
  readonly silences: readonly string[];
  readonly hashes: number[];
}

/**
 * Which alerts a request told of, and what became of each: by the hashes that the store has of them anyway. Their names would cost
 * more than their whole way in.
 */
class ToldAlerts {
  readonly #hashes = new Map<ToldAs, number[]>();
  readonly #silenced: Silenced[] = [];
  #told = 0;
  #more = 0;

  add({ keyHash }: Alert, as: ToldAs, silences: readonly Silence[] = []): void {
    if (this.#told++ >= maxTold) return void this.#more++;
    if (as === 'silenced') return void this.#silencedBy(silences).push(keyHash);
    const hashes = this.#hashes.get(as);
    if (hashes === undefined) this.#hashes.set(as, [keyHash]);
    else hashes.push(keyHash);
  }

  /** The field of the log: each list is 32 bits an alert, in Base64. */
  get field(): DebugField {
    return new DebugField(() => ({
      ...Object.fromEntries([...this.#hashes].map(([as, hashes]) => [as, base64(hashes)])),
      ...(this.#silenced.length > 0 && {
        silenced: this.#silenced.map(({ silences, hashes }) => ({ silences, alerts: base64(hashes) })),
      }),
      ...(this.#more > 0 && { more: this.#more }),
    }));
  }

  #silencedBy(silences: readonly Silence[]): number[] {
    const ids = silences.map(({ id }) => id);
    const known = this.#silenced.find((set) => set.silences.join() === ids.join());
    if (known !== undefined) return known.hashes;
    if (this.#silenced.length === maxSilenceSets) return this.#silenced[0]!.hashes;
    const set = { silences: ids, hashes: [] };
    this.#silenced.push(set);
    return set.hashes;
  }
}

function base64(hashes: readonly number[]): string {
  return Buffer.from(new Int32Array(hashes).buffer).toString('base64');
}
