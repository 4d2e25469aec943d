import type { IncomingMessage, ServerResponse } from 'node:http';
import type { AlertStore } from '../alert/alert-store.ts';
import { BatchError } from '../alert/batch-error.ts';
import type { Clock } from '../clock.ts';
import { laneBodyBytes, slicedBodyBytes } from '../limits.ts';
import type { Causes } from '../workqueue/causes.ts';
import { AlertIntake, type Repeats } from './alert-intake.ts';
import { answerEmpty, answerString } from './answer.ts';
import { readBatch } from './batch.ts';
import type { BodyReader } from './body-reader.ts';
import { Lane } from './lane.ts';
import { mediaTypeProblem } from './media-type.ts';
import type { IntakeReport } from './intake-report.ts';
import { refuse, RefusedError } from './refusal.ts';
import { senderOf, type Sender } from './sender.ts';

/** Runs work that is known to need much memory; see heap-guard.ts. */
export type HeavyWork = <T>(work: () => Promise<T>) => Promise<T>;

export interface AlertsHandlerOptions {
  readonly clock: Clock;
  readonly store: AlertStore;
  readonly bodies: BodyReader;
  readonly report: IntakeReport;
  readonly repeats: Repeats;
  /** `receiver.max_labels_per_alert`. */
  readonly maxLabels: number;
  /** Called before a batch is stored, so that what has run out by then is announced as expired, and after it. */
  readonly expireDue: () => void;
  /** Runs work that fills the memory with what is soon thrown away. */
  readonly heavyWork: HeavyWork;
  /** Where that goes which wakes a reconcile. It must not block, and is called only after the answer. */
  readonly sink: (causes: Causes) => void;
}

/** `POST /api/v2/alerts`: parse, validate, store, answer; what follows from it is no part of the answer. */
export class AlertsHandler {
  readonly #options: AlertsHandlerOptions;
  readonly #lane = new Lane();
  /** What takes seconds, in slices, holds up none of what takes milliseconds. */
  readonly #slowLane = new Lane();

  constructor(options: AlertsHandlerOptions) {
    this.#options = options;
  }

  /** Never rejects; every request is answered, unless its connection is gone. */
  async handle(request: IncomingMessage, response: ServerResponse): Promise<void> {
    const sender = senderOf(request);
    response.setHeader('X-Request-Id', sender.requestId);
    try {
      await this.#handle(request, response, sender);
    } catch (error) {
      this.#options.report.rejected(sender, refuse(response, error), error);
    }
  }

  async #handle(request: IncomingMessage, response: ServerResponse, sender: Sender): Promise<void> {
    const body = await this.#options.bodies.read(request);
    try {
      if (body.bytes.length === 0) throw BatchError.required('alerts');
      const problem = mediaTypeProblem(request.headers['content-type']);
      if (problem !== undefined) throw new RefusedError(problem.status, problem.message);
      await this.#inTurn(body.bytes.length, () => this.#takeIn(body.bytes, response, sender));
    } finally {
      body.release();
    }
  }

  #inTurn(bodyBytes: number, takeIn: () => Promise<void>): Promise<void> {
    if (bodyBytes <= laneBodyBytes) return takeIn();
    if (bodyBytes <= slicedBodyBytes) return this.#lane.run(takeIn);
    return this.#slowLane.run(() => this.#options.heavyWork(takeIn));
  }

  async #takeIn(bytes: Buffer, response: ServerResponse, sender: Sender): Promise<void> {
    const { clock, store, repeats, maxLabels, report, sink, expireDue } = this.#options;
    const batch = await readBatch(bytes, maxLabels, clock);
    expireDue();
    const transitions = report.transitions(sender);
    const intake = new AlertIntake({
      store,
      repeats,
      now: clock.now(),
      characterBytes: batch.characterBytes,
      onTransition: (transition) => transitions.add(transition),
    });
    await batch.forEach((alert) => intake.add(alert));
    expireDue();
    if (intake.invalid > 0) answerString(response, 400, intake.refusal);
    else answerEmpty(response);
    report.received(sender, intake, transitions, bytes.length);
    if (intake.causes.alertCount === 0) return;
    intake.causes.addRequestId(sender.requestId);
    sink(intake.causes);
  }
}
