import type { Clock } from '../../runtime/clock.ts';
import type { LabelSet } from '../../alert/label-set.ts';
import { heldLookMs } from '../../limits.ts';
import type { Logger } from '../../runtime/logger.ts';
import { kindName } from '../../reconcile/request.ts';
import type { Run } from '../../reconcile/action.ts';
import type { ControllerMetrics } from '../controller-metrics.ts';
import { decidedBy } from '../../reconcile/decision.ts';
import { pushedReason, wouldImprove, type Verdict } from '../../health/flow-health.ts';
import { holdVerdict, type Hold } from './hold.ts';
import type { AlertSource, Condition, Pipeline, Pipelines } from '../../reconcile/ports.ts';
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

/** A better verdict by the answers, and the alert, if any, that is pushed as firing all the same. */
interface Contradiction {
  readonly answered: Verdict;
  readonly present: Condition;
  readonly reason: string;
  readonly labels: LabelSet | undefined;
  readonly graceMs: number;
}

/** Keeps a verdict that the answers would make better, as long as a push contradicts them, at most for `prometheus.heal_grace`. */
export class VerdictHolder {
  readonly #options: VerdictHolderOptions;
  readonly #memory: VerdictMemory;

  constructor(options: VerdictHolderOptions) {
    this.#options = options;
    this.#memory = new VerdictMemory(options.pipelines);
  }

  /**
   * The verdict to keep instead of what the answers say; undefined if they win. Rejects with the signal's reason.
   * @param askedAt when the answers were asked for: what is pushed has to be as new
   */
  async heldInstead(run: Run, answered: Verdict, askedAt: number): Promise<HeldVerdict | undefined> {
    const { pushed } = this.#options.alerts;
    const present = conditionOf(run.pipeline);
    const reason = this.#reasonToKeep(run.pipeline, present);
    if (pushed === undefined || present === undefined || reason === undefined) return this.#release(run, answered);
    if (!wouldImprove(run.pipeline, reason, answered)) return this.#release(run, answered);
    const notBefore = Math.max(askedAt, run.causes.lastSeen);
    const { firing } = await pushed.snapshot(notBefore, run.signal);
    const labels = pushedReason(run.pipeline, reason, firing);
    return this.#hold(run, { answered, present, reason, labels, graceMs: pushed.graceMs });
  }

  /** To be called before the verdict becomes Unknown: what it was is what a push may then keep. */
  becomesUnknown(pipeline: Pipeline): void {
    const present = conditionOf(pipeline);
    if (present !== undefined && present.status !== 'Unknown')
      this.#memory.change(pipeline, { reasonBeforeUnknown: present.reason });
  }

  #reasonToKeep(pipeline: Pipeline, present: Condition | undefined): string | undefined {
    return present?.status === 'Unknown' ? this.#memory.of(pipeline).reasonBeforeUnknown : present?.reason;
  }

  #hold(run: Run, { answered, present, reason, labels, graceMs }: Contradiction): HeldVerdict | undefined {
    const { pipeline } = run;
    const now = this.#options.clock.now();
    const { hold: earlier } = this.#memory.of(pipeline);
    const { hold, isHeld } = holdVerdict(earlier, { reason, isPushed: labels !== undefined, now, graceMs });
    if (!isHeld || hold === undefined || labels === undefined) return this.#release(run, answered, hold);
    this.#memory.change(pipeline, { hold });
    const verdict = kept(pipeline, present, labels);
    if (hold !== earlier) this.#tell(run, verdict, answered, graceMs);
    const heldForMs = now - hold.since;
    return { verdict, heldForMs, lookAgainMs: Math.min(heldLookMs, graceMs - heldForMs) };
  }

  #release({ pipeline }: Run, { condition }: Verdict, hold?: Hold): undefined {
    const isHealthy = condition.status === 'True';
    this.#memory.change(pipeline, { hold, reasonBeforeUnknown: undefined, ...(isHealthy && { toldAt: undefined }) });
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
    logger.info('condition.held', 'the condition stays: a push contradicts what Prometheus reports', {
      ...request,
      type,
      status,
      reason,
      instead_of: answered.condition.reason,
      ...decidedBy(decision),
      grace_ms: graceMs,
    });
  }
}

function conditionOf({ conditions }: Pipeline): Condition | undefined {
  return conditions.find(({ type }) => type === 'TelemetryFlowHealthy');
}

function kept({ generation }: Pipeline, present: Condition, labels: LabelSet): Verdict {
  const { type, status, reason, message } = present;
  return {
    condition: { type, status, reason, message, observedGeneration: generation },
    decision: { by: 'push', labels },
  };
}
