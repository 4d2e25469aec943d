import type { Clock } from '../../runtime/clock.ts';
import { FiringAlerts } from '../../alert/firing-alerts.ts';
import type { LabelSet } from '../../alert/label-set.ts';
import { heldLookMs } from '../../limits.ts';
import type { Logger } from '../../runtime/logger.ts';
import { kindName } from '../../reconcile/request.ts';
import type { Run } from '../../reconcile/action.ts';
import type { ControllerMetrics } from '../controller-metrics.ts';
import { decidedBy } from '../../reconcile/decision.ts';
import {
  alertOfReason,
  alertReasons,
  prepareFlowHealth,
  pushedVerdict,
  worseReasons,
  type Verdict,
} from '../../health/flow-health.ts';
import { holdVerdict, type Hold } from './hold.ts';
import type { AlertSnapshot, AlertSource, Condition, Pipeline, Pipelines } from '../../reconcile/ports.ts';
import { VerdictMemory } from './verdict-memory.ts';

export interface VerdictHolderOptions {
  readonly clock: Clock;
  readonly logger: Logger;
  readonly metrics: Pick<ControllerMetrics, 'conditionHeld'>;
  readonly pipelines: Pick<Pipelines, 'get'>;
  readonly alerts: Pick<AlertSource, 'pushed'>;
}

/** A verdict that is kept, and for how long. */
export interface HeldVerdict {
  readonly verdict: Verdict;
  /** Since the first answer that contradicted, milliseconds. */
  readonly heldForMs: number;
  /** When to look again, milliseconds. */
  readonly lookAgainMs: number;
}

/** A reason that is kept, the alert that is pushed as firing, and since when. */
interface Kept {
  readonly reason: string;
  readonly labels: LabelSet;
  readonly hold: Hold;
  readonly isNew: boolean;
}

/**
 * Lets no verdict get better than an alert that is still pushed as firing, if Prometheus reported it since the condition was healthy
 * last; at most for `prometheus.heal_grace` after the first answer that no longer does.
 */
export class VerdictHolder {
  readonly #options: VerdictHolderOptions;
  readonly #memory: VerdictMemory;

  constructor(options: VerdictHolderOptions) {
    this.#options = options;
    this.#memory = new VerdictMemory(options.pipelines);
  }

  /**
   * The verdict to keep instead of what the answers say; undefined if they win. Rejects with the signal's reason.
   * @param answers what the verdict was made of; what is pushed has to be as new
   */
  async heldInstead(run: Run, answered: Verdict, answers: AlertSnapshot): Promise<HeldVerdict | undefined> {
    const { pushed } = this.#options.alerts;
    const { pipeline, causes, signal } = run;
    const reported = this.#remember(pipeline, answers.firing);
    const contradicted = worseReasons(pipeline, answered).filter((reason) => reported.has(reason));
    if (pushed === undefined || contradicted.length === 0) return this.#release(pipeline, answered);
    const { firing } = await pushed.snapshot(Math.max(answers.takenAt, causes.lastSeen), signal);
    await prepareFlowHealth(pipeline, firing);
    const kept = this.#worstPushed(pipeline, contradicted, firing, pushed.graceMs);
    return kept === undefined ? this.#release(pipeline, answered) : this.#hold(run, answered, kept, pushed.graceMs);
  }

  /** To be called before the verdict becomes Unknown: what it was is what a push may then keep. */
  becomesUnknown(pipeline: Pipeline): void {
    this.#remember(pipeline, FiringAlerts.of([]));
  }

  /** What Prometheus reported since the condition was healthy last, or for a reason of its own; these answers included. */
  #remember(pipeline: Pipeline, firing: FiringAlerts): ReadonlySet<string> {
    const reasons = alertReasons(pipeline);
    const present = conditionOf(pipeline);
    const isBad = present !== undefined && reasons.includes(present.reason);
    const { reported = [], holds = [] } = isBad || present?.status === 'Unknown' ? this.#memory.of(pipeline) : {};
    const now = reasons.filter((reason) => alertOfReason(pipeline, reason, firing) !== undefined);
    const all = new Set([...reported, ...(isBad ? [present.reason] : []), ...now]);
    this.#change(pipeline, all, new Map([...holds].filter(([reason]) => !now.includes(reason))));
    return all;
  }

  /**
   * The worst reason of those that is pushed and within its grace. The time of each runs at once, so that several alerts together hold
   * for no longer than one. One whose push has ended is forgotten.
   */
  #worstPushed(
    pipeline: Pipeline,
    contradicted: readonly string[],
    pushed: FiringAlerts,
    graceMs: number,
  ): Kept | undefined {
    const memory = this.#memory.of(pipeline);
    const [reported, holds] = [new Set(memory.reported), new Map(memory.holds)];
    const now = this.#options.clock.now();
    let worst: Kept | undefined;
    for (const reason of contradicted) {
      const labels = alertOfReason(pipeline, reason, pushed);
      const earlier = holds.get(reason);
      const { hold, isHeld } = holdVerdict(earlier, { reason, isPushed: labels !== undefined, now, graceMs });
      if (hold === undefined || labels === undefined) {
        holds.delete(reason);
        reported.delete(reason);
        continue;
      }
      holds.set(reason, hold);
      if (isHeld) worst ??= { reason, labels, hold, isNew: hold !== earlier };
    }
    this.#change(pipeline, reported, holds);
    return worst;
  }

  #change(pipeline: Pipeline, reported: ReadonlySet<string>, holds: ReadonlyMap<string, Hold>): void {
    this.#memory.change(pipeline, {
      reported: reported.size === 0 ? undefined : reported,
      holds: holds.size === 0 ? undefined : holds,
    });
  }

  #hold(run: Run, answered: Verdict, { reason, labels, hold, isNew }: Kept, graceMs: number): HeldVerdict {
    const verdict = keptVerdict(run.pipeline, reason, labels);
    if (isNew) this.#tell(run, verdict, answered, graceMs);
    const heldForMs = this.#options.clock.now() - hold.since;
    return { verdict, heldForMs, lookAgainMs: Math.min(heldLookMs, graceMs - heldForMs) };
  }

  /** What was reported is remembered until the condition is healthy: should the write fail, there must not be another grace. */
  #release(pipeline: Pipeline, { condition }: Verdict): undefined {
    if (condition.status === 'True') this.#memory.change(pipeline, { toldAt: undefined });
  }

  /** Behind one address of two replicas a hold ends and begins with every other answer: that is not told each time. */
  #tell({ request, pipeline }: Run, { condition, decision }: Verdict, answered: Verdict, graceMs: number): void {
    const { logger, metrics, clock } = this.#options;
    const [now, { toldAt }] = [clock.now(), this.#memory.of(pipeline)];
    const isTold = toldAt !== undefined && toldAt <= now && now - toldAt < graceMs;
    const { type, status, reason } = condition;
    metrics.conditionHeld(kindName(request));
    if (isTold) return;
    this.#memory.change(pipeline, { toldAt: now });
    logger.info(
      'condition.held',
      'the condition gets no better than this: a push contradicts what Prometheus reports',
      {
        ...request,
        type,
        status,
        reason,
        instead_of: answered.condition.reason,
        ...decidedBy(decision),
        grace_ms: graceMs,
      },
    );
  }
}

function conditionOf({ conditions }: Pipeline): Condition | undefined {
  return conditions.find(({ type }) => type === 'TelemetryFlowHealthy');
}

/** The present condition if it is of that reason, or Unknown: until the answers agree nothing better is known. */
function keptVerdict(pipeline: Pipeline, reason: string, labels: LabelSet): Verdict {
  const present = conditionOf(pipeline);
  const verdict = pushedVerdict(pipeline, reason, labels);
  if (present === undefined || (present.reason !== reason && present.status !== 'Unknown')) return verdict;
  const { status, reason: presentReason, message } = present;
  return { ...verdict, condition: { ...verdict.condition, status, reason: presentReason, message } };
}
