import { Gauge } from 'prom-client';
import type { LogFields } from '../runtime/logger.ts';
import type { Runtime } from '../runtime/runtime.ts';

/** What can be wrong between the rules of Prometheus and the people who are told, or with Tocsin's own file, and what to do about it. */
const advices = {
  config_refused: 'correct the file; tocsin check-config names every problem in it',
  config_needs_restart: 'restart Tocsin, or undo the change; docs/configuration.md#reload lists these keys',
  alerts_not_pushed:
    'see prometheus_notifications_errors_total and alerting.alertmanagers of Prometheus, and whether anything between refuses its requests',
  alerts_not_in_prometheus:
    'see who pushes them (GET /api/tocsin/v1/payloads), and name in prometheus.url every Prometheus that sends its alerts here',
  drift_undecided: 'see docs/drift.md: what Tocsin compares, and when it cannot',
  no_alerting_rules:
    'see rule_files of that Prometheus and its page /rules: the alerts of docs/how-it-decides.md have to be there',
  rules_undecided:
    'let prometheus.url lead to a Prometheus that answers /api/v1/rules, or set prometheus.check_interval to 0s',
  not_an_alertmanager:
    'name Tocsin in alerting.alertmanagers of that Prometheus; if it is there under another name, list that URL in receiver.advertised_urls',
  alertmanagers_undecided: 'list the URL that leads Prometheus here in receiver.advertised_urls',
  alertmanager_not_told: 'see docs/notify.md; tocsin check --notify --config.file=FILE tries it at once',
  watchdog_absent:
    'see whether the rule of that alert is loaded, whether Prometheus runs, and whether it has Tocsin among its Alertmanagers',
} as const;

export type ProblemName = keyof typeof advices;

/** A problem that is there now. */
export interface Problem {
  readonly name: ProblemName;
  readonly severity: 'warning' | 'info';
  /** When it was found, milliseconds since the epoch. */
  readonly since: number;
  readonly message: string;
  readonly advice: string;
}

/** What was found out about a problem. */
export interface Finding {
  /** The number of alerts, of servers, or of lines of the configuration that it concerns. */
  readonly count: number;
  /** One sentence: what is wrong, and where. */
  readonly message: string;
  /** More fields for the log. */
  readonly fields?: LogFields;
}

/**
 * The problems that are there now. Each is told when it is found, when it changes and when it is solved; the log is the one place
 * that tells, and the history reads it there.
 */
export class Problems {
  readonly #options: Pick<Runtime, 'clock' | 'logger'>;
  readonly #gauge: Gauge<'problem'>;
  readonly #present = new Map<ProblemName, Problem>();

  constructor(options: Pick<Runtime, 'clock' | 'logger' | 'registry'>) {
    this.#options = options;
    this.#gauge = new Gauge({
      registers: [options.registry],
      name: 'tocsin_problems',
      help: 'Problems on the way of the alerts, by name: how many alerts, servers or keys each concerns; 0: none.',
      labelNames: ['problem'],
    });
    for (const problem of Object.keys(advices)) this.#gauge.set({ problem }, 0);
  }

  /** In the order in which they were found. */
  get list(): readonly Problem[] {
    return [...this.#present.values()];
  }

  /** Tells the problem, or that it is over if there is no finding. Telling the same again does nothing. */
  tell(name: ProblemName, finding: Finding | undefined): void {
    this.#gauge.set({ problem: name }, finding?.count ?? 0);
    if (finding === undefined) return this.#solved(name);
    const known = this.#present.get(name);
    const { message } = finding;
    if (known?.message === message) return;
    const { clock, logger } = this.#options;
    const advice = advices[name];
    const severity = name.endsWith('_undecided') ? 'info' : 'warning';
    this.#present.set(name, { name, severity, since: known?.since ?? clock.now(), message, advice });
    const fields = { problem: name, message, ...finding.fields, advice };
    if (known !== undefined) logger.info('problem.changed', 'a problem on the way of the alerts has changed', fields);
    else if (severity === 'info') logger.info('problem.found', 'something on the way of the alerts is unknown', fields);
    else logger.warn('problem.found', 'there is a problem on the way of the alerts', fields);
  }

  #solved(name: ProblemName): void {
    const known = this.#present.get(name);
    if (known === undefined) return;
    this.#present.delete(name);
    const { clock, logger } = this.#options;
    const lasted_ms = Math.max(0, clock.now() - known.since);
    logger.info('problem.solved', 'a problem on the way of the alerts is over', { problem: name, lasted_ms });
  }
}
