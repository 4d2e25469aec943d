import type { Causes } from '../../cause/causes.ts';
import type { Action, Run, Result, AlertSnapshot, AlertSource, Pipeline } from '../../reconcile/ports.ts';
import { flavourOf } from '../../health/flavour.ts';
import {
  configurationNotGenerated,
  flowHealth,
  prepareFlowHealth,
  probingFailed,
  type Verdict,
} from '../../health/flow-health.ts';
import { SnapshotError } from '../../reconcile/errors.ts';
import type { VerdictHolder } from './verdict-holder.ts';

/** Applies a desired condition: one implementation writes it, the other only logs it. */
export interface ConditionApplier {
  /** Returns true if the pipeline's condition differed. */
  apply(run: Run, verdict: Verdict): Promise<boolean>;
}

export interface FlowHealthActionOptions {
  readonly alerts: AlertSource;
  readonly conditions: ConditionApplier;
  readonly holder: Pick<VerdictHolder, 'decide' | 'becomesUnknown'>;
  /** `controller.requeue_after`, milliseconds. */
  readonly requeueAfterMs: number;
}

/** Finds out what fires now, decides the pipeline's condition, and has it applied. */
export class FlowHealthAction implements Action {
  readonly #options: FlowHealthActionOptions;

  constructor(options: FlowHealthActionOptions) {
    this.#options = options;
  }

  /**
   * The causes only determine how fresh the answer has to be, and what the log says. Rejects with SnapshotError if the alerts are
   * not available; the condition is Unknown by then, unless the failure may be over in a moment and there is a condition that can
   * stay. Also rejects with any error of the home of the pipelines when it cannot write.
   */
  async perform(run: Run): Promise<Result> {
    // The configuration allows such a kind for the action log, which then shows the pipelines that an alert would wake.
    if (flavourOf(run.pipeline) === undefined) return { outcome: 'unchanged', hasNoRule: true, notInPrometheus: [] };
    const notGenerated = configurationNotGenerated(run.pipeline);
    if (notGenerated !== undefined) return this.#apply(run, notGenerated);
    const snapshot = await this.#snapshot(run);
    await prepareFlowHealth(run.pipeline, snapshot.firing);
    const answered = flowHealth(run.pipeline, snapshot.firing);
    const { verdict, held } = await this.#options.holder.decide(run, answered, snapshot);
    const result = await this.#apply(run, verdict);
    return {
      ...result,
      ...(held !== undefined && { heldForMs: held.forMs, requeueAfterMs: held.lookAgainMs }),
      ...(snapshot.queryId !== undefined && { queryId: snapshot.queryId }),
      notInPrometheus: await this.#missing(run.causes, snapshot),
    };
  }

  async #snapshot(run: Run): Promise<AlertSnapshot> {
    const { pipeline, causes, signal } = run;
    try {
      return await this.#options.alerts.snapshot(causes.lastSeen, [...causes.requestIds], signal);
    } catch (error) {
      const isKept = error instanceof SnapshotError && !error.isLasting && hasVerdict(pipeline);
      if (error instanceof SnapshotError && !isKept) await this.#becomeUnknown(run, error);
      throw error;
    }
  }

  async #becomeUnknown(run: Run, error: SnapshotError): Promise<void> {
    this.#options.holder.becomesUnknown(run.pipeline);
    await this.#apply(run, probingFailed(run.pipeline, error));
  }

  async #apply(run: Run, verdict: Verdict): Promise<Result> {
    const { conditions, requeueAfterMs } = this.#options;
    const healthy = verdict.condition.status === 'True';
    const changed = await conditions.apply(run, verdict);
    return {
      outcome: changed ? 'changed' : 'unchanged',
      ...(!healthy && { requeueAfterMs }),
      decision: verdict.decision,
      notInPrometheus: [],
    };
  }

  /** Answers the question why a test alert changed no condition. */
  async #missing(causes: Causes, { firing }: AlertSnapshot): Promise<readonly string[]> {
    if (!this.#options.alerts.pulls) return [];
    const missing = new Set<string>();
    for (const { labels, status } of causes.alerts.values()) {
      if (status === 'firing' && !(await firing.reports(labels))) missing.add(labels['alertname'] ?? '(no alertname)');
    }
    return [...missing];
  }
}

function hasVerdict({ conditions }: Pipeline): boolean {
  return conditions.some(({ type }) => type === 'TelemetryFlowHealthy');
}
