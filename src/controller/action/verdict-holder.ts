import type { FiringAlerts } from '../../alert/firing-alerts.ts';
import type { LabelSet } from '../../alert/labels.ts';
import {
  kindName,
  requestKey,
  decidedBy,
  type Request,
  type Run,
  type AlertSnapshot,
  type AlertSource,
  type Condition,
  type Pipeline,
  type Pipelines,
} from '../../reconcile/ports.ts';
import type { ControllerMetrics } from '../controller-metrics.ts';
import {
  alertsByReason,
  isAlertReason,
  prepareFlowHealth,
  pushedVerdict,
  worseReasons,
  type Verdict,
} from '../../health/flow-health.ts';
import type { Runtime } from '../../runtime/runtime.ts';
import { LineOnceAWhile } from '../../runtime/limited-lines.ts';
import type { Clock } from '../../runtime/clock.ts';
import type { Logger } from '../../runtime/logger.ts';
import type { FailedRequests } from '../../workqueue/work-queue.ts';

/** The number of remembered pipelines at which deleted ones are first removed; it happens again at each doubling. */
const firstLook = 1024;

/** Facts about a pipeline that its condition does not contain. Times are by the monotonic clock, milliseconds. */
interface Remembered {
  /**
   * Each reason that Prometheus has confirmed since the condition was last healthy, with the time since which its answers
   * contradict the push of that alert; undefined if they do not.
   */
  readonly reported?: ReadonlyMap<string, number | undefined>;
  /** The time of the last log line about the held condition; undefined after it was healthy. */
  readonly loggedAt?: number | undefined;
}

interface Memory extends Remembered {
  readonly request: Request;
}

/** The facts that are remembered of each pipeline besides its condition. */
export class VerdictMemory {
  readonly #pipelines: Pick<Pipelines, 'get'>;
  readonly #memories = new Map<string, Memory>();
  #lookAt = firstLook;

  constructor(pipelines: Pick<Pipelines, 'get'>) {
    this.#pipelines = pipelines;
  }

  /** The number of pipelines with remembered facts. */
  get size(): number {
    return this.#memories.size;
  }

  of(request: Request): Remembered {
    return this.#memories.get(requestKey(request)) ?? {};
  }

  change({ kind, namespace, name }: Request, change: Remembered): void {
    const request = { kind, name, ...(namespace !== undefined && { namespace }) };
    const key = requestKey(request);
    const memory = { ...this.#memories.get(key), ...change, request };
    if ((memory.reported?.size ?? 0) === 0 && memory.loggedAt === undefined) this.#memories.delete(key);
    else this.#memories.set(key, memory);
    if (this.#memories.size >= this.#lookAt) this.#forgetThoseGone();
  }

  #forgetThoseGone(): void {
    for (const [key, { request }] of this.#memories)
      if (this.#pipelines.get(request) === undefined) this.#memories.delete(key);
    this.#lookAt = Math.max(firstLook, 2 * this.#memories.size);
  }
}

/** The time until the next look at a condition that is kept because of a push, milliseconds. */
const heldLookMs = 5000;

interface VerdictHolderOptions extends Pick<Runtime, 'clock' | 'logger'> {
  readonly metrics: Pick<ControllerMetrics, 'conditionHeld'>;
  readonly pipelines: Pick<Pipelines, 'get'>;
  readonly alerts: Pick<AlertSource, 'pushed'>;
}

/** The verdict that is used after one from the answers. */
interface Decided {
  readonly verdict: Verdict;
  /** Set if a push keeps the condition from improving. */
  readonly held?: {
    /** The time since the first answer that contradicted the push, milliseconds. */
    readonly forMs: number;
    /** The time until the next look, milliseconds. */
    readonly lookAgainMs: number;
  };
}

/** An alert that Prometheus reported earlier but no longer reports, and that is still pushed as firing. */
interface Contradiction {
  readonly reason: string;
  readonly labels: LabelSet;
  /** How long the answers have contradicted the push, milliseconds. */
  readonly forMs: number;
  readonly isNew: boolean;
}

/**
 * Keeps a verdict at least as bad as an alert that is still pushed as firing, if Prometheus has reported that alert since the
 * condition was last healthy. This ends `prometheus.heal_grace` after the first answer that no longer reports the alert.
 */
export class VerdictHolder {
  readonly #options: VerdictHolderOptions;
  readonly #memory: VerdictMemory;

  constructor(options: VerdictHolderOptions) {
    this.#options = options;
    this.#memory = new VerdictMemory(options.pipelines);
  }

  /**
   * Returns the verdict of the answers, or the worse one that a push keeps. Rejects with the signal's reason.
   * @param answers the basis of the verdict; the pushed alerts have to be as new
   */
  async decide(run: Run, answered: Verdict, answers: AlertSnapshot): Promise<Decided> {
    const { pushed } = this.#options.alerts;
    const { pipeline, causes, signal } = run;
    const reported = this.#remember(pipeline, alertsByReason(pipeline, answers.firing).keys());
    const unreported = worseReasons(pipeline, answered).filter((reason) => reported.has(reason));
    if (pushed === undefined || unreported.length === 0) return this.#release(pipeline, answered);
    const { firing } = await pushed.snapshot(Math.max(answers.takenAt, causes.lastSeen), signal);
    await prepareFlowHealth(pipeline, firing);
    const contradictions = this.#contradictions(pipeline, unreported, firing);
    const worst = contradictions.find(({ forMs }) => forMs < pushed.graceMs);
    if (worst === undefined) return this.#release(pipeline, answered, contradictions[0]);
    return this.#hold(run, answered, worst, pushed.graceMs);
  }

  /** Call it before the verdict becomes Unknown: a push may keep the verdict from before that. */
  becomesUnknown(pipeline: Pipeline): void {
    this.#remember(pipeline, []);
  }

  /**
   * The reasons that Prometheus has reported since the condition was last healthy, or last False for a reason to which no alert
   * leads; these answers included. After a restart, the condition itself shows what was reported.
   */
  #remember(pipeline: Pipeline, answered: Iterable<string>): ReadonlyMap<string, number | undefined> {
    const present = conditionOf(pipeline);
    const isBad = present !== undefined && isAlertReason(pipeline, present.reason);
    const goesOn = isBad || present?.status === 'Unknown';
    const reported = new Map(goesOn ? this.#memory.of(pipeline).reported : []);
    if (isBad && !reported.has(present.reason)) reported.set(present.reason, undefined);
    for (const reason of answered) reported.set(reason, undefined);
    this.#memory.change(pipeline, { reported });
    return reported;
  }

  /**
   * The reasons whose alert is still pushed, the worst first; the others are forgotten. Each has its own time, so that several
   * alerts together hold no longer than one. A time that is over is kept too: if the write of the condition fails, the next run
   * must not begin another grace.
   */
  #contradictions(pipeline: Pipeline, reasons: readonly string[], pushed: FiringAlerts): readonly Contradiction[] {
    const reported = new Map(this.#memory.of(pipeline).reported);
    const [now, alerts] = [this.#options.clock.monotonic(), alertsByReason(pipeline, pushed)];
    const contradictions: Contradiction[] = [];
    for (const reason of reasons) {
      const [labels, earlier] = [alerts.get(reason), reported.get(reason)];
      if (labels === undefined) {
        reported.delete(reason);
        continue;
      }
      reported.set(reason, earlier ?? now);
      contradictions.push({ reason, labels, forMs: now - (earlier ?? now), isNew: earlier === undefined });
    }
    this.#memory.change(pipeline, { reported });
    return contradictions;
  }

  #hold(run: Run, answered: Verdict, { reason, labels, forMs, isNew }: Contradiction, graceMs: number): Decided {
    const verdict = heldVerdict(run.pipeline, reason, labels);
    if (isNew) this.#log(run, verdict, answered, graceMs);
    return { verdict, held: { forMs, lookAgainMs: Math.min(heldLookMs, graceMs - forMs) } };
  }

  /** @param overdue the worst alert that is still pushed although its grace is over */
  #release(pipeline: Pipeline, answered: Verdict, overdue?: Contradiction): Decided {
    if (answered.condition.status !== 'True') return { verdict: answered };
    this.#memory.change(pipeline, { loggedAt: undefined });
    if (overdue === undefined) return { verdict: answered };
    return { verdict: { ...answered, decision: { by: 'end of grace', labels: overdue.labels } } };
  }

  /** Behind one address of two replicas, a hold ends and begins with every other answer, so not every time is logged. */
  #log({ id, request, pipeline }: Run, { condition, decision }: Verdict, answered: Verdict, graceMs: number): void {
    const { logger, metrics, clock } = this.#options;
    const [now, { loggedAt }] = [clock.monotonic(), this.#memory.of(pipeline)];
    metrics.conditionHeld(kindName(request));
    if (loggedAt !== undefined && now - loggedAt < graceMs) return;
    this.#memory.change(pipeline, { loggedAt: now });
    const message = 'the condition gets no better than this: a push contradicts what Prometheus reports';
    const { type, status, reason } = condition;
    logger.info('condition.held', message, {
      run: id,
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

/** A condition that has the reason already also keeps its message, so that nothing is written. */
function heldVerdict(pipeline: Pipeline, reason: string, labels: LabelSet): Verdict {
  const verdict = pushedVerdict(pipeline, reason, labels);
  const present = conditionOf(pipeline);
  if (present?.reason !== reason) return verdict;
  return { ...verdict, condition: { ...verdict.condition, message: present.message } };
}

/** The shortest time between two log lines about requests that failed last and hold their half of the workers, milliseconds. */
export const heldLineMs = 60_000;

/** Logs, at most once in {@link heldLineMs}, that requests which failed last wait for their half of the workers. */
export class HeldLine {
  readonly #logger: Logger;
  readonly #line: LineOnceAWhile;

  constructor(options: { readonly clock: Clock; readonly logger: Logger }) {
    this.#logger = options.logger;
    this.#line = new LineOnceAWhile(options.clock, heldLineMs);
  }

  write({ waiting, running, limit }: FailedRequests): void {
    if (!this.#line.allows()) return;
    const message = 'requests whose last run failed hold their half of the workers: further ones wait, others do not';
    this.#logger.warn('requests.held', message, { waiting, running, limit });
  }
}
