import { isResolved, compareInGroup, compareLabelSets, type Alert } from '../../alert/alert.ts';
import type { AlertStore } from '../../alert/alert-store.ts';
import type { Labelled, LabelSet } from '../../alert/labels.ts';
import type { Matcher, OnUndecided } from '../../matcher/matcher.ts';
import { slicedSort, type Sliced } from '../../runtime/slices.ts';
import type { Clock } from '../../runtime/clock.ts';
import { alertJson, labelsJson, receiverName } from './api-json.ts';
import { readAlertQuery, type AlertQuery } from './alert-query.ts';
import { htmlSafe } from '../../text/go/quote.ts';
import type { Visible } from '../../access/visible.ts';
import type { Query } from '../../text/go/url.ts';

/** The ids of the silences that suppress an alert at `now`; none if it is active. */
export type SilencedBy = (alert: Labelled, now: number) => readonly string[];

export interface AlertListsOptions {
  readonly clock: Clock;
  readonly store: Pick<AlertStore, 'all'>;
  readonly silencedBy: SilencedBy;
  /** Called for each label on which a matcher of a filter was not tried, so that it did not match. */
  readonly onUndecided: OnUndecided;
  /** `receiver.group_by`; `...` stands for all labels. */
  readonly groupBy: readonly string[];
}

/** A text that is produced bit by bit, in steps of a few milliseconds; a step may have no text yet. */
export type SlicedText = Generator<string | undefined, void>;

interface Group {
  readonly labels: LabelSet;
  readonly alerts: Alert[];
}

/** The number of alerts in one step. */
const alertsPerStep = 64;

/**
 * Lists the alerts that have not ended. An alert is written as it is when its turn comes, so a list that is read slowly keeps no
 * old state; an alert that ends before its turn is left out. Both methods throw a MatcherError before they give any text.
 */
export class AlertLists {
  readonly #options: AlertListsOptions;
  readonly #groupsByAll: boolean;

  constructor(options: AlertListsOptions) {
    this.#options = options;
    this.#groupsByAll = options.groupBy.includes('...');
  }

  /**
   * The alerts in the order of their fingerprints.
   * @param visible the namespaces whose alerts are listed; default: all
   * @param all the alerts that there are; default: those of the store
   */
  *alerts(query: Query, visible?: Visible, all: Iterable<Alert> = this.#options.store.all()): SlicedText {
    const wanted = yield* readAlertQuery(query);
    const found = yield* this.#find(wanted, visible, all);
    yield '[';
    yield* this.#write(yield* slicedSort(found, compareFingerprints), wanted);
    yield ']\n';
  }

  /** The alerts, grouped by their labels of `group_by`; the parameters are those of {@link alerts}. */
  *groups(query: Query, visible?: Visible, all: Iterable<Alert> = this.#options.store.all()): SlicedText {
    const wanted = yield* readAlertQuery(query);
    const groups = yield* this.#group(yield* this.#find(wanted, visible, all));
    yield '[';
    let separator = '';
    for (const group of yield* slicedSort(groups, (a, b) => compareLabelSets(a.labels, b.labels))) {
      const sorted = yield* slicedSort(group.alerts, (a, b) => compareInGroup(a.labels, b.labels));
      const labels = htmlSafe(labelsJson(group.labels));
      const written = yield* this.#write(sorted, wanted, `${separator}{"alerts":[`);
      if (!written) continue;
      yield `],"labels":${labels},"receiver":{"name":"${receiverName}"},"routeLabels":{}}`;
      separator = ',';
    }
    yield ']\n';
  }

  *#find(
    { matchers, receiver }: AlertQuery,
    visible: Visible | undefined,
    all: Iterable<Alert>,
  ): Sliced<readonly Alert[]> {
    const { clock, onUndecided } = this.#options;
    const found: Alert[] = [];
    if (!receiver) return found;
    const now = clock.now();
    let looked = 0;
    for (const alert of all) {
      if (++looked % alertsPerStep === 0) yield;
      if (isResolved(alert.times, now) || visible?.shows(alert.labels) === false) continue;
      if (yield* matchesAll(alert.labels, matchers, onUndecided)) found.push(alert);
    }
    return found;
  }

  *#group(alerts: readonly Alert[]): Sliced<readonly Group[]> {
    const groups = new Map<string, Group>();
    for (const [index, alert] of alerts.entries()) {
      if (index % alertsPerStep === 0) yield;
      const labels = this.#groupLabels(alert.labels);
      const key = labelsJson(labels);
      const group = groups.get(key);
      if (group === undefined) groups.set(key, { labels, alerts: [alert] });
      else group.alerts.push(alert);
    }
    return [...groups.values()];
  }

  #groupLabels(labels: LabelSet): LabelSet {
    if (this.#groupsByAll) return labels;
    const names = this.#options.groupBy.filter((name) => Object.hasOwn(labels, name));
    return Object.fromEntries(names.map((name) => [name, labels[name]!]));
  }

  /** @param opening the text before the first alert. Without alerts, nothing is written and the result is false */
  *#write(
    alerts: readonly Alert[],
    { active, silenced }: AlertQuery,
    opening = '',
  ): Generator<string | undefined, boolean> {
    const { clock, silencedBy } = this.#options;
    let before: string | undefined;
    for (const alert of alerts) {
      const now = clock.now();
      const silences = silencedBy(alert, now);
      const wanted = silences.length > 0 ? silenced : active;
      if (!wanted || isResolved(alert.times, now)) {
        yield;
        continue;
      }
      yield (before ?? opening) + alertJson(alert, silences);
      before = ',';
    }
    return before !== undefined;
  }
}

/** Yields after each matcher, because a regular expression may take long. */
function* matchesAll(labels: LabelSet, matchers: readonly Matcher[], onUndecided: OnUndecided): Sliced<boolean> {
  for (const matcher of matchers) {
    if (matcher.type === '=~' || matcher.type === '!~') yield;
    if (!matcher.matches(labels, onUndecided)) return false;
  }
  return true;
}

function compareFingerprints(a: Alert, b: Alert): number {
  return a.fingerprint < b.fingerprint ? -1 : 1;
}
