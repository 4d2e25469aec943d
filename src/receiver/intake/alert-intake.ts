import type { Alert, PostableAlert } from '../../alert/alert.ts';
import type { AlertStore, PutResult } from '../../alert/alert-store.ts';
import { LanedCauses, type PlatformAlerts } from '../../cause/platform-alerts.ts';
import { briefLabelSet, isNotificationAlert } from '../../cause/alert-cause.ts';
import type { LabelSet } from '../../alert/labels.ts';
import type { Silencing } from '../../silence/silences.ts';
import { Suppressed, type AlertTransition } from './alert-lines.ts';
import { DebugField } from '../../runtime/logger.ts';
import type { Silence } from '../../silence/silence.ts';
import { lacks } from '../../access/rights.ts';
import { namespaceOf, type Visible } from '../../access/visible.ts';

/** The most invalid alerts of one batch that are named in the answer and in the log. */
export const maxNamedProblems = 100;

/** Whether a repeated alert wakes a reconcile. By default it does, which heals a lost push. */
export type Repeats = 'trigger' | 'ignore';

/** An alert that is not stored, and the reason. */
interface InvalidAlert {
  readonly labels: LabelSet;
  readonly problem: string;
}

/** The most invalid alerts of a request that are logged with their labels. */
const maxNamedInvalid = 10;

/** The other replicas of this Tocsin. Nothing here may take time. */
export interface OtherReplicas {
  /** A sender has told this replica of an alert. @param isStored false: there was no room for it */
  took(alert: Alert, isStored: boolean): void;
  /**
   * A sender has told this replica of these alerts, which are stored, in one body.
   * @param bytes they belong to somebody else afterwards
   * @param isWhole all alerts of the body are stored as the sender has them
   */
  tookBody(bytes: Buffer, alerts: readonly Alert[], isWhole: boolean): void;
  /** A sender has left out so many alerts. */
  omitted(count: number): void;
  /** Another replica has told this one of an alert. */
  heard(alert: Alert): void;
  /** True if another replica has told this one just now what a sender says again. */
  hasHeard(alert: Alert): boolean;
}

interface AlertIntakeOptions {
  readonly store: AlertStore;
  readonly repeats: Repeats;
  readonly silencing: Silencing;
  readonly platform: PlatformAlerts;
  /** One time for the whole batch, as in Alertmanager; milliseconds. */
  readonly now: number;
  /** The memory for one character of the body: 1 if all of it was ASCII. */
  readonly characterBytes: 1 | 2;
  /** The sender's name for an alert, by its index. */
  readonly nameOf: (index: number) => string;
  /** How long an alert without an end counts as firing, if not as long as `receiver.resolve_timeout`; milliseconds. */
  readonly resolveTimeoutMs?: number | undefined;
  /** The namespaces whose alerts the sender may create; undefined: all. */
  readonly mayCreate?: Visible | undefined;
  /** Default: there are none. */
  readonly others?: OtherReplicas | undefined;
  /** True if another replica tells of the alerts. */
  readonly isTold?: boolean;
  /** True: {@link AlertIntake.tellOthers} is called at the end. */
  readonly isToldAtOnce?: boolean;
  /** Logs the alerts that changed. */
  readonly onTransition: (transition: AlertTransition) => void;
}

/** Stores the valid alerts of one batch, one by one, and counts and collects what is to be reported about it. */
export class AlertIntake {
  readonly #options: AlertIntakeOptions;
  received = 0;
  firing = 0;
  resolved = 0;
  invalid = 0;
  /** The number of alerts that fire and did not before. */
  new = 0;
  /** The number of alerts that the store had no room for; they still wake a reconcile. */
  notStored = 0;
  /** The number of alerts that were stored with their old annotations, because there was no room for the new ones. */
  notUpdated = 0;
  /** The alerts that would have woken a reconcile without a silence. */
  readonly suppressed = new Suppressed();
  /** The result for each alert. */
  readonly told = new ToldAlerts();
  /** Some of the invalid alerts, with the reason: they are recorded nowhere else. */
  readonly invalidAlerts: InvalidAlert[] = [];
  /** The reasons why alerts are invalid, with their indexes; the first {@link maxNamedProblems}. */
  readonly problems: string[] = [];
  readonly causes: LanedCauses;
  /** What {@link tellOthers} tells. */
  readonly #taken: Alert[] = [];

  constructor(options: AlertIntakeOptions) {
    this.#options = options;
    this.causes = new LanedCauses(options.platform);
  }

  add(posted: PostableAlert): void {
    const { store, now, characterBytes, resolveTimeoutMs } = this.#options;
    const index = this.received++;
    // Counted before it is validated, as in Alertmanager.
    if (posted.endsAt === undefined || posted.endsAt > now) this.firing++;
    else this.resolved++;
    const missing = this.#missingRight(posted);
    if (missing !== undefined) return this.#problem(index, missing);
    const stored = store.put(posted, now, characterBytes, resolveTimeoutMs);
    if (typeof stored === 'string') this.#refuse(index, posted, stored);
    else this.#count(stored, posted);
  }

  /** The sender left out `count` alerts. They may concern any pipeline, so every pipeline is reconciled. */
  addTruncated(count: number): void {
    if (count === 0) return;
    if (this.#options.mayCreate === undefined) return this.causes.user.addTruncated(count, this.#options.now);
    this.invalid++;
    const what = count === 1 ? 'an alert that was left out' : `${count} alerts that were left out`;
    this.problems.push(
      `truncatedAlerts: ${what} may be of any namespace, and the sender ${lacks('create', 'alerts', undefined)}`,
    );
  }

  /** Call it when all alerts of the body have been added, or when no more will be. */
  tellOthers(bytes: Buffer): void {
    const isWhole = this.invalid + this.notStored + this.notUpdated === 0;
    if (this.#taken.length > 0) this.#options.others?.tookBody(bytes, this.#taken, isWhole);
  }

  /** The text of the 400 for the invalid alerts; the others have been stored. */
  get refusal(): string {
    return this.refusals.join('\n');
  }

  /** Its lines. */
  get refusals(): readonly string[] {
    const more = this.invalid - this.problems.length;
    return more > 0 ? [...this.problems, `and ${more} more`] : this.problems;
  }

  /** An alert of the platform goes first, and inhibits alerts of every namespace. */
  #missingRight(posted: PostableAlert): string | undefined {
    const { mayCreate, platform } = this.#options;
    // Most senders may create everything, and labels are parsed only when they are read.
    if (mayCreate === undefined) return undefined;
    const { labels } = posted;
    const namespace = namespaceOf(labels, mayCreate.label);
    const everywhere = `and the sender ${lacks('create', 'alerts', undefined)}`;
    if (namespace === undefined) return `it has no label ${mayCreate.label}, ${everywhere}`;
    if (!mayCreate.has(namespace)) return `the sender ${lacks('create', 'alerts', namespace)}`;
    return platform.hasLabels(labels) ? `it is an alert of the platform (lanes.platform), ${everywhere}` : undefined;
  }

  #refuse(index: number, { labels }: PostableAlert, problem: string): void {
    if (this.invalidAlerts.length < maxNamedInvalid)
      this.invalidAlerts.push({ labels: briefLabelSet(labels).labels, problem });
    this.#problem(index, problem);
  }

  /** Without the labels: nobody writes what another team reads of its alerts. */
  #problem(index: number, problem: string): void {
    this.invalid++;
    if (this.problems.length < maxNamedProblems) this.problems.push(`${this.#options.nameOf(index)}: ${problem}`);
  }

  /** Returns true if another replica was faster: then the alert has woken what it wakes. */
  #isToldAgain(alert: Alert, isStored: boolean, posted: PostableAlert): boolean {
    const { others, isTold = false, isToldAtOnce = false } = this.#options;
    if (others === undefined) return false;
    if (isTold) others.heard(alert);
    else if (isStored && isToldAtOnce) this.#taken.push(alert);
    else others.took(alert, isStored);
    return !isTold && isStoredAsPosted(alert, posted) && others.hasHeard(alert);
  }

  #count({ alert, change, limited }: PutResult, posted: PostableAlert): void {
    if (limited === 'alert') this.notStored++;
    else if (limited === 'annotations') this.notUpdated++;
    if (change === 'new') this.new++;
    if (change === 'new') this.#options.onTransition({ event: 'alert.new', alert });
    if (change === 'resolved') this.#options.onTransition({ event: 'alert.resolved', alert });
    const isIgnored = this.#isToldAgain(alert, limited !== 'alert', posted) || this.#options.repeats === 'ignore';
    if (isNotificationAlert(alert)) return this.told.add(alert, 'own_notification');
    if (isIgnored && change === 'repeated' && limited === undefined) return this.told.add(alert, 'repeat_ignored');
    const { now, silencing } = this.#options;
    const silences = silencing(alert, now);
    if (silences.length > 0) {
      this.told.add(alert, 'silenced', silences);
      this.suppressed.add(alert, silences);
    } else {
      this.told.add(alert, limited === 'alert' ? 'over_limit' : 'woke');
      const lane = this.causes.add(alert, alert.announced, now);
      if (lane === 'platform') this.told.add(alert, lane);
    }
  }
}

/**
 * False if the end that was posted is not the one that is kept. To a clock that is behind, the end of an alert lies ahead and shortens
 * nothing: that it was posted is news all the same.
 */
function isStoredAsPosted({ times }: Alert, { endsAt }: PostableAlert): boolean {
  return endsAt === undefined || Math.floor(endsAt) === Math.floor(times.endsAt);
}

/**
 * The result for an alert of a request, as far as the receiver knows. An alert of the platform that wakes a reconcile is also in the
 * list `platform`.
 */
type ToldAs = 'woke' | 'silenced' | 'repeat_ignored' | 'own_notification' | 'over_limit' | 'platform';

/** The most alerts of one request that are recorded, and the most sets of silences; the rest is counted. */
const maxTold = 10_000;
const maxSilenceSets = 20;

const noSilences: readonly Silence[] = [];

/** The alerts with the same result, and for `silenced` with the same silences. */
interface ToldList {
  readonly as: ToldAs;
  readonly silences: readonly Silence[];
  readonly hashes: number[];
}

/**
 * The alerts of a request and the result for each, by the hashes that the store has anyway: names would cost more than all other
 * work on the alerts.
 */
class ToldAlerts {
  readonly #lists: ToldList[] = [];
  /** The list of the last alert: neighbours mostly have the same result. */
  #last: ToldList | undefined;
  #told = 0;

  add({ keyHash }: Alert, as: ToldAs, silences = noSilences): void {
    if (as !== 'platform') this.#told++;
    if (this.#told > maxTold) return;
    if (this.#last?.as !== as || !isSame(this.#last.silences, silences)) this.#last = this.#listOf(as, silences);
    this.#last.hashes.push(keyHash);
  }

  /** The field of the log: each list has 32 bits per alert, in Base64. */
  get field(): DebugField {
    return new DebugField(() => {
      const [only, ...more] = this.#lists;
      // Nearly every request, and each is told.
      if (only !== undefined && more.length === 0 && only.as !== 'silenced' && this.#told <= maxTold)
        return { [only.as]: base64(only.hashes) };
      const silenced = this.#lists.filter(({ as }) => as === 'silenced');
      const others = this.#lists.filter(({ as }) => as !== 'silenced');
      return {
        ...Object.fromEntries(others.map(({ as, hashes }) => [as, base64(hashes)])),
        ...(silenced.length > 0 && {
          silenced: silenced.map(({ silences, hashes }) => ({
            silences: silences.map(({ id }) => id),
            alerts: base64(hashes),
          })),
        }),
        ...(this.#told > maxTold && { more: this.#told - maxTold }),
      };
    });
  }

  #listOf(as: ToldAs, silences: readonly Silence[]): ToldList {
    const ofSame = this.#lists.filter((list) => list.as === as);
    const known = ofSame.find((list) => isSame(list.silences, silences));
    if (known !== undefined) return known;
    if (ofSame.length === maxSilenceSets) return ofSame[0]!;
    const list = { as, silences, hashes: [] };
    this.#lists.push(list);
    return list;
  }
}

function isSame(some: readonly Silence[], others: readonly Silence[]): boolean {
  return some === others || (some.length === others.length && some.every(({ id }, index) => id === others[index]!.id));
}

/** Buffer's own pool is faster than a new typed array. */
function base64(hashes: readonly number[]): string {
  const bytes = Buffer.allocUnsafe(4 * hashes.length);
  for (let index = 0; index < hashes.length; index++) bytes.writeInt32LE(hashes[index]!, 4 * index);
  return bytes.toString('base64');
}
