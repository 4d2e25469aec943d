import { Counter, Gauge } from 'prom-client';
import type { NamedAlert } from '../alert/firing-alerts.ts';
import { labelKey } from '../alert/labels.ts';
import { LineOnceAWhile } from '../runtime/limited-lines.ts';
import type { Runtime } from '../runtime/runtime.ts';
import { instructionsOf, matchesAll } from './alert-matchers.ts';
import { teamOf } from './team-turns.ts';
import type { TriggerIndex } from './trigger-index.ts';
import type { Trigger } from './trigger.ts';

/** The memory for what is remembered of matches, an estimate in bytes. Beyond it, the team with the most begins anew. */
export const maxResultBytes = 8 * 1024 * 1024;

/** What an alert costs besides its labels and a byte for each trigger, bytes. */
const alertBytes = 100;

/** What has matchers: a trigger, or one of its inhibitions. */
type Matching = Pick<Trigger, 'matchers'>;

interface MatchResultsOptions extends Pick<Runtime, 'clock' | 'logger' | 'registry'> {
  readonly triggers: Pick<TriggerIndex, 'matches'>;
  /** For tests. Default: {@link maxResultBytes} */
  readonly maxBytes?: number;
}

/**
 * Says which alerts a trigger matches, and tries an expression that may be costly once for each alert: what matches depends on the
 * labels alone, and these never change. A trigger that has changed is another one.
 */
export class MatchResults {
  readonly #options: MatchResultsOptions;
  readonly #teams = new Map<string, TeamResults>();
  readonly #costly = new WeakMap<Matching, boolean>();
  readonly #keys = new WeakMap<NamedAlert, string>();
  readonly #line: LineOnceAWhile;
  readonly #forgotten: Counter;
  #bytes = 0;

  constructor(options: MatchResultsOptions) {
    this.#options = options;
    this.#line = new LineOnceAWhile(options.clock);
    this.#forgotten = createMetrics(options, () => this.#bytes);
  }

  /** True if to try the matchers on an alert may take milliseconds. */
  isCostly(of: Matching): boolean {
    const known = this.#costly.get(of) ?? instructionsOf(of.matchers) > 0;
    this.#costly.set(of, known);
    return known;
  }

  /** What is known without trying anything; undefined if nothing is. @param of of the trigger; default: the trigger itself */
  known(trigger: Trigger, alert: NamedAlert, of: Matching = trigger): boolean | undefined {
    return this.#teams.get(teamOf(trigger))?.get(of, this.#keyOf(alert));
  }

  /** Whether all matchers match. @param of as in {@link known} */
  matches(trigger: Trigger, alert: NamedAlert, of: Matching = trigger): boolean {
    if (!this.isCostly(of)) return this.#try(trigger, alert, of);
    const known = this.known(trigger, alert, of);
    if (known !== undefined) return known;
    const matches = this.#try(trigger, alert, of);
    this.#remember(trigger, of, { key: this.#keyOf(alert), matches });
    return matches;
  }

  #try(trigger: Trigger, { labels }: NamedAlert, of: Matching): boolean {
    return of === trigger ? this.#options.triggers.matches(trigger, labels) : matchesAll(of.matchers, labels);
  }

  /** Of an alert that is read again for each question, its text is the same. */
  #keyOf(alert: NamedAlert): string {
    if (alert.key !== undefined) return alert.key;
    const key = this.#keys.get(alert) ?? labelKey(alert.labels);
    this.#keys.set(alert, key);
    return key;
  }

  #remember(
    trigger: Trigger,
    of: Matching,
    { key, matches }: { readonly key: string; readonly matches: boolean },
  ): void {
    const name = teamOf(trigger);
    const team = this.#teams.get(name) ?? new TeamResults();
    this.#teams.set(name, team);
    const before = team.bytes;
    team.set(of, key, matches);
    this.#bytes += team.bytes - before;
    if (this.#bytes > (this.#options.maxBytes ?? maxResultBytes)) this.#forgetLargest();
  }

  #forgetLargest(): void {
    const [largest] = [...this.#teams].toSorted(([, a], [, b]) => b.bytes - a.bytes);
    if (largest === undefined) return;
    const [team, { alerts, bytes }] = largest;
    this.#teams.delete(team);
    this.#bytes -= bytes;
    this.#forgotten.inc(alerts);
    if (!this.#line.allows()) return;
    const message =
      'too much is remembered of which alerts match which triggers: those of the team with the most are tried again';
    const limit = this.#options.maxBytes ?? maxResultBytes;
    this.#options.logger.warn('trigger.matches_forgotten', message, { team, alerts, limit_bytes: limit });
  }
}

const unknown = 0;
const failed = 1;
const matched = 2;

/** A byte for each alert and trigger. */
class TeamResults {
  readonly #places = new Map<string, number>();
  readonly #results = new WeakMap<Matching, Uint8Array>();
  bytes = 0;

  get alerts(): number {
    return this.#places.size;
  }

  get(of: Matching, key: string): boolean | undefined {
    const place = this.#places.get(key);
    const result = place === undefined ? unknown : (this.#results.get(of)?.[place] ?? unknown);
    return result === unknown ? undefined : result === matched;
  }

  set(of: Matching, key: string, matches: boolean): void {
    const place = this.#placeOf(key);
    this.#resultsOf(of, place)[place] = matches ? matched : failed;
  }

  #placeOf(key: string): number {
    const place = this.#places.get(key) ?? this.#places.size;
    if (place === this.#places.size) this.bytes += alertBytes + key.length;
    this.#places.set(key, place);
    return place;
  }

  /** Those of triggers that have changed since are still counted: they are gone when the team begins anew. */
  #resultsOf(of: Matching, place: number): Uint8Array {
    const known = this.#results.get(of);
    if (known !== undefined && place < known.length) return known;
    const grown = new Uint8Array(2 * place + 64);
    grown.set(known ?? []);
    this.bytes += grown.length - (known?.length ?? 0);
    this.#results.set(of, grown);
    return grown;
  }
}

function createMetrics({ registry }: Pick<Runtime, 'registry'>, bytes: () => number): Counter {
  const registers = [registry];
  new Gauge({
    registers,
    name: 'tocsin_trigger_match_memory_bytes',
    help: 'Memory for what is remembered of which alerts match which triggers, an estimate.',
    collect() {
      this.set(bytes());
    },
  });
  return new Counter({
    registers,
    name: 'tocsin_trigger_matches_forgotten_total',
    help: 'Alerts whose matches were forgotten because there were too many, so that they are tried again.',
  });
}
