import { isResolved, type Alert as StoredAlert } from '../alert/alert.ts';
import type { AlertStore } from '../alert/alert-store.ts';
import { fingerprint as fingerprintOf, labelKey, labelSetOf, TextHash, type LabelSet } from '../alert/labels.ts';
import { isNotification } from '../cause/alert-cause.ts';
import type { Fact } from '../history/fact.ts';
import type { History } from '../history/history.ts';
import type { Matcher } from '../matcher/matcher.ts';
import type { Clock } from '../runtime/clock.ts';
import { Slices, type SliceSchedule } from '../runtime/slices.ts';
import type { Silencing } from '../silence/silences.ts';
import { formatDateTime } from '../text/go/date-time.ts';
import {
  EffectFinder,
  inStorm,
  nothingChosen,
  notWoken,
  tellsOfAlerts,
  type OpenEffect,
  type ToldAlert,
} from './alert-effects.ts';
import { heldNotes, heldRuns, runsOfEvents, type EventRun } from './event-runs.ts';
import { alertOfLabels, labelsOf, nameOf, objectsOf, textOf } from './fact-fields.ts';
import type { Page } from './run-reader.ts';
import type { LiveTriggers } from './trigger-predictions.ts';
import type { VisibleFacts } from './visible-facts.ts';
import { given } from './run-story.ts';
import { Alert, type Effect, type ExplainedAlert, type PipelineName } from './schema.ts';

export interface AlertReaderOptions {
  readonly clock: Clock;
  readonly schedule: SliceSchedule;
  readonly history: History;
  readonly store: AlertStore;
  readonly silencing: Silencing;
  /** Selects pipelines for an alert with these labels, by `source.select`. */
  readonly select: (labels: LabelSet, pipelines: readonly PipelineName[]) => readonly PipelineName[];
  readonly triggers: LiveTriggers;
}

/** The most alerts that are found before a list is cut. */
const maxFound = 10_000;

function namesAlerts(line: string): boolean {
  return /"event":"(?:alert\.|alerts\.invalid|causes\.named)/.test(line.slice(0, 200));
}

const statuses: Readonly<Record<string, Alert['status']>> = {
  'alert.new': 'firing',
  'alert.resolved': 'resolved',
  'alert.expired': 'expired',
};

/** The alerts that a fact names. One that is named without its fingerprint and without some of its labels could be any. */
function alertsIn(fact: Fact): readonly Alert[] {
  const status = statuses[fact.event];
  const own = status === undefined ? [] : [{ ...fact, status }];
  const invalid = objectsOf(fact['invalid_alerts']).map(({ labels }) => {
    const found = labelsOf(labels);
    return { labels, status: 'invalid', ...(found !== undefined && { fingerprint: fingerprintOf(found) }) };
  });
  return [...own, ...objectsOf(fact['alerts']), ...invalid].flatMap((named: Readonly<Record<string, unknown>>) => {
    const [labels, fingerprint] = [labelsOf(named['labels']), textOf(named['fingerprint'])];
    if (labels === undefined || fingerprint === undefined) return [];
    const alert = alertOfLabels(labels, named['omitted_labels']);
    return [{ ...alert, fingerprint, ...given('status', Alert.shape.status.safeParse(named['status']).data) }];
  });
}

interface AboutAlert {
  readonly told: ToldAlert;
  readonly labels: LabelSet;
  readonly finder: EffectFinder;
}

/** Without the triggers of others. How many runs there are tells how many pipelines there are, so they are left out too. */
async function forTeam(effect: Effect, told: ToldAlert, seen: VisibleFacts): Promise<Effect> {
  const { triggers = [], because, ...rest } = effect;
  const named = new Set([...triggers, ...told.triggers, ...told.optedOut]);
  const shown: string[] = [];
  for (const key of named) if (await seen.showsTrigger(key)) shown.push(key);
  const isHidden = [...named].some((key) => !shown.includes(key) && because?.includes(key) === true);
  const own = triggers.filter((key) => shown.includes(key));
  return {
    ...rest,
    ...given('because', isHidden ? undefined : because),
    ...(own.length > 0 && { triggers: own }),
    runs: [],
  };
}

/** Finds alerts, in the store and in the history, and their effects. */
export class AlertReader {
  readonly #options: AlertReaderOptions;

  constructor(options: AlertReaderOptions) {
    this.#options = options;
  }

  /** All alerts that match, in the order of their fingerprints. @param seen what the reader may see; default: all */
  async matching(matchers: readonly Matcher[], seen?: VisibleFacts): Promise<readonly Alert[]> {
    const { schedule, store, history } = this.#options;
    const matches = (labels: LabelSet): boolean => matchers.every((matcher) => matcher.matches(labels));
    const hides = async (labels: LabelSet): Promise<boolean> => (await seen?.showsAlert(labels)) === false;
    const found = new Map<string, Alert>();
    const slices = new Slices(schedule, 'history');
    for (const alert of store.all()) {
      if (found.size < maxFound && matches(alert.labels) && (seen === undefined || !(await hides(alert.labels))))
        found.set(alert.fingerprint, this.#stored(alert));
      if (slices.isOver) await slices.yieldTurn();
    }
    for await (const fact of history.newestFirst({ accepts: namesAlerts }))
      for (const alert of alertsIn(fact))
        if (
          found.size < maxFound &&
          !found.has(alert.fingerprint!) &&
          matches(alert.labels) &&
          (seen === undefined || !(await hides(alert.labels)))
        )
          found.set(alert.fingerprint!, alert);
    return [...found.values()].toSorted((a, b) => (a.fingerprint! < b.fingerprint! ? -1 : 1));
  }

  /**
   * The effects of an alert, the newest first. An alert that was never received has one effect, which says so; so has one that the
   * reader may not see. @param seen what the reader may see, without the runs; default: all
   */
  async explain(fingerprint: string, page: Page, seen?: VisibleFacts): Promise<ExplainedAlert> {
    const stored = await this.#find(fingerprint);
    const labels = stored?.labels ?? (await this.#namedLabels(fingerprint));
    if (labels === undefined || (await seen?.showsAlert(labels)) === false)
      return { effects: [this.#notReceived(false)] };
    const hash = stored?.keyHash ?? TextHash.of(labelKey(labels));
    const { triggers } = this.#options;
    const told: ToldAlert = {
      fingerprint,
      hash,
      alertname: nameOf(labels),
      isNotification: isNotification(labels),
      triggers: await triggers.matching(labels),
      optedOut: triggers.optedOutFor(labels),
      isDefault: triggers.isDefault,
      isForTeam: seen !== undefined,
    };
    const finder = new EffectFinder(told);
    const { effects, next } = await this.#effects(finder, page);
    const alert = stored === undefined ? alertOfLabels(labels) : this.#stored(stored);
    const all = await this.#withRuns(effects, { told, labels, finder });
    const withRuns = seen === undefined ? all : await Promise.all(all.map((effect) => forTeam(effect, told, seen)));
    const isEmpty = withRuns.length === 0 && page.before === undefined;
    return {
      alert,
      effects: isEmpty ? [this.#notReceived(stored !== undefined)] : withRuns,
      ...(next !== undefined && { next: String(next) }),
    };
  }

  async #effects(
    finder: EffectFinder,
    { limit, before, since, until }: Page,
  ): Promise<{ readonly effects: readonly OpenEffect[]; readonly next: number | undefined }> {
    const effects: OpenEffect[] = [];
    for await (const fact of this.#options.history.newestFirst({ accepts: tellsOfAlerts })) {
      const time = Date.parse(fact.time);
      if (since !== undefined && time < since) break;
      // The later facts contain the result, so they are read even if they are outside the page.
      for (const effect of finder.take(fact)) {
        if ((before !== undefined && effect.id >= before) || (until !== undefined && time >= until)) continue;
        if (effects.length === limit) return { effects, next: effects.at(-1)!.id };
        effects.push(effect);
      }
    }
    return { effects, next: undefined };
  }

  /** Adds the runs of the objects that were chosen for the alert; the event may concern others too. */
  async #withRuns(effects: readonly OpenEffect[], about: AboutAlert): Promise<Effect[]> {
    const runs = await runsOfEvents(
      this.#options.history,
      effects.map((effect) => effect.event_id),
    );
    return effects.map(({ id: _id, ...effect }) => this.#withOwn(effect, runs.get(effect.event_id ?? '') ?? [], about));
  }

  #withOwn(effect: Omit<OpenEffect, 'id'>, all: readonly EventRun[], { told, labels, finder }: AboutAlert): Effect {
    const woken = finder.wokenIn(effect.event_id ?? '');
    const selected = this.#options.select(
      labels,
      all.map(({ pipeline }) => pipeline),
    );
    const own = all.filter(
      ({ pipeline, triggers }) =>
        triggers.some((key) => woken.includes(key)) ||
        ((triggers.length === 0 || told.isDefault) && selected.includes(pipeline)),
    );
    const runs = own.map(({ run }) => run);
    const triggers = woken.length === 0 ? {} : { triggers: [...woken] };
    const held = finder.heldIn(effect.event_id ?? '');
    const storm = finder.isStorm(effect.event_id ?? '') ? [inStorm] : [];
    if (own.length > 0) {
      // Other triggers of the alert may have been kept from being woken.
      const notes = [...notWoken(told, woken, held), ...heldNotes(own, woken)];
      const because = [...(effect.because === undefined ? [] : [effect.because]), ...storm, ...notes].join('; ');
      return { ...effect, ...(because !== '' && { because }), ...triggers, ...heldRuns(own, woken), runs };
    }
    if (all.length === 0) return { ...effect, ...given('because', effect.because ?? storm[0]), ...triggers, runs };
    if (held !== undefined) return { ...effect, ...held, runs };
    return { ...effect, ...nothingChosen(told), runs };
  }

  async #find(fingerprint: string): Promise<StoredAlert | undefined> {
    const slices = new Slices(this.#options.schedule, 'history');
    for (const alert of this.#options.store.all()) {
      if (alert.fingerprint === fingerprint) return alert;
      if (slices.isOver) await slices.yieldTurn();
    }
    return undefined;
  }

  async #namedLabels(fingerprint: string): Promise<LabelSet | undefined> {
    const { history } = this.#options;
    for await (const fact of history.newestFirst({ needles: [JSON.stringify(fingerprint)] })) {
      if (fact['fingerprint'] === fingerprint) return labelsOf(fact['labels']);
      const named = objectsOf(fact['alerts']).find((alert) => alert['fingerprint'] === fingerprint);
      if (named !== undefined) return labelsOf(named['labels']);
    }
    for await (const fact of history.newestFirst({ needles: ['"invalid_alerts":['] }))
      for (const { labels } of objectsOf(fact['invalid_alerts'])) {
        const found = labelsOf(labels);
        if (found !== undefined && fingerprintOf(found) === fingerprint) return found;
      }
    return undefined;
  }

  #stored(alert: StoredAlert): Alert {
    const { clock, silencing } = this.#options;
    const { startsAt, endsAt, updatedAt } = alert.times;
    return {
      ...alertOfLabels(alert.labels),
      status: isResolved(alert.times, clock.now()) ? 'resolved' : 'firing',
      annotations: { ...labelSetOf(alert.annotations) },
      starts_at: formatDateTime(startsAt),
      ends_at: formatDateTime(endsAt),
      updated_at: formatDateTime(updatedAt),
      silenced_by: silencing(alert, clock.now()).map(({ id }) => id),
    };
  }

  /** @param isStored true if a request must have told of it all the same */
  #notReceived(isStored: boolean): Effect {
    const because = 'no request that the history knows of told of it';
    const unless = `${because}: they are older than it, or came faster than 1000 a second`;
    const at = formatDateTime(this.#options.clock.now());
    return { at, verdict: 'not_received', because: isStored ? unless : because, runs: [] };
  }
}
