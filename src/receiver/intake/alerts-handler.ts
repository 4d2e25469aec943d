import type { IncomingMessage, ServerResponse } from 'node:http';
import type { AlertStore } from '../../alert/alert-store.ts';
import { slicedBodyBytes } from '../../text/json-stream.ts';
import { Slices, type LongWork } from '../../runtime/slices.ts';
import type { Causes } from '../../cause/causes.ts';
import type { PlatformAlerts } from '../../cause/platform-alerts.ts';
import { AlertIntake, type OtherReplicas, type Repeats } from './alert-intake.ts';
import type { AlertTransition } from './alert-lines.ts';
import { answerEmpty, answerString } from '../../server/request/answer.ts';
import { alertsFormat, type Batch, type AlertFormat } from './batch.ts';
import type { Body, BodyReader } from '../../server/request/body-reader.ts';
import type { HttpMetrics } from '../../server/request/http-metrics.ts';
import { refuseRequest } from '../refusals.ts';
import type { IntakeReport } from './intake-report.ts';
import { senderOf, type Sender, requireJson } from '../../server/request/request-head.ts';
import { Slots } from '../../runtime/slots.ts';
import type { Silencing } from '../../silence/silences.ts';
import type { Rights, RightsOf } from '../../access/rights.ts';
import { namespaceOf, type Visible } from '../../access/visible.ts';
import type { Runtime } from '../../runtime/runtime.ts';

/** A larger body waits for a slice of its own before it is processed, bytes. */
export const longBodyBytes = 64 * 1024;

/** Runs work that is known to need much memory; see heap-guard.ts. */
export type HeavyWork = <T>(work: () => Promise<T>) => Promise<T>;

/** The part of the configuration for accepting alerts. */
export interface IntakeSettings {
  readonly bodies: BodyReader;
  readonly repeats: Repeats;
  /** `lanes.platform`. */
  readonly platform: PlatformAlerts;
  /** `receiver.max_labels_per_alert`. */
  readonly maxLabels: number;
  /** `receiver.webhook_resolve_timeout`, milliseconds. */
  readonly webhookResolveTimeoutMs: number;
}

/** Called with each body; it must not keep more of a large body than it copies. */
export type OnBody = (request: IncomingMessage, sender: Sender, bytes: Buffer) => void;

interface AlertsHandlerOptions extends Pick<Runtime, 'clock' | 'schedule'> {
  readonly store: AlertStore;
  readonly silencing: Silencing;
  /** True if `silencing` may take milliseconds. */
  readonly isSilencingSlow: () => boolean;
  readonly report: IntakeReport;
  readonly metrics: HttpMetrics;
  /** The current settings: a reload may change them between two requests. */
  readonly settings: () => IntakeSettings;
  /** Called before and after a batch is stored: before, so that alerts that have ended by then are announced as expired. */
  readonly expireDue: () => void;
  /** Runs work that fills the memory with short-lived objects. */
  readonly heavyWork: HeavyWork;
  /** Takes the causes of a reconcile. It must not block, and is called only after the answer. */
  readonly sink: (causes: Causes) => void;
  readonly onBody?: OnBody | undefined;
  /** Default: there are none. */
  readonly others?: OtherReplicas | undefined;
  readonly rightsOf: RightsOf;
}

type OnTransition = (transition: AlertTransition) => void;

/**
 * Handles `POST /api/v2/alerts` and `POST /webhook`: parse, validate, store, answer. The answer does not depend on the effects.
 */
export class AlertsHandler {
  readonly #options: AlertsHandlerOptions;
  /**
   * At most one body of each size is processed at a time, to save memory. A body that takes seconds does not delay one that takes
   * milliseconds.
   */
  readonly #slots = { bodies: new Slots(1), 'large bodies': new Slots(1) };

  constructor(options: AlertsHandlerOptions) {
    this.#options = options;
  }

  /** Never rejects. Every request is answered, unless its connection is gone. */
  async handle(request: IncomingMessage, response: ServerResponse, format = alertsFormat): Promise<void> {
    const sender = senderOf(request);
    let body: Body | undefined;
    try {
      body = await this.#options.settings().bodies.read(request);
      this.#options.onBody?.(request, sender, body.bytes);
      if (body.bytes.length === 0) throw format.emptyBody();
      requireJson(request);
      const { bytes } = body;
      const rights = this.#options.rightsOf(request);
      const mayCreate = needsNoLook(rights) ? undefined : await this.#mayCreate(rights, bytes, format);
      const answer = (intake: AlertIntake): void => answerSender(response, sender, intake);
      await this.#whenDue(bytes, (work) => this.#acceptBody(bytes, answer, sender, format, work, mayCreate));
    } catch (error) {
      if (!response.headersSent) response.setHeader('X-Request-Id', sender.requestId);
      const { metrics, report } = this.#options;
      report.rejected(sender, refuseRequest(request, response, error, metrics), error);
    } finally {
      body?.release();
    }
  }

  /**
   * Takes in the alerts of a request that are this tenant's; somebody else answers. Resolves to what is wrong with some of them.
   * @param format gives them out, and names them by their places in the body
   */
  async takePart(request: IncomingMessage, bytes: Buffer, format: AlertFormat): Promise<readonly string[]> {
    const rights = this.#options.rightsOf(request);
    const mayCreate = needsNoLook(rights) ? undefined : await this.#mayCreate(rights, bytes, format);
    let problems: readonly string[] = [];
    const answer = (intake: AlertIntake): void => void (problems = intake.refusals);
    const sender = senderOf(request);
    await this.#whenDue(bytes, (work) => this.#acceptBody(bytes, answer, sender, format, work, mayCreate));
    return problems;
  }

  /** Takes in what another replica has shown; there is nobody to answer. Rejects with BatchError. */
  takeIn(bytes: Buffer, sender: Sender, format: AlertFormat): Promise<void> {
    return this.#whenDue(bytes, (work) => this.#acceptBody(bytes, () => undefined, sender, format, work, undefined));
  }

  /** The namespaces of a body in which its sender may create alerts. While Kubernetes is asked, the body keeps no other waiting. */
  #mayCreate(rights: Rights, bytes: Buffer, format: AlertFormat): Promise<Visible | undefined> {
    return rights.visible('create', 'alerts', async () => {
      const { clock, schedule, settings, store } = this.#options;
      const names = new Set<string>();
      const read = async (work: LongWork): Promise<void> => {
        const slices = new Slices(schedule, work);
        const batch = await format.read(bytes, settings().maxLabels, slices, store, clock.now());
        await batch.forEach(({ labels }) => void names.add(namespaceOf(labels, rights.namespaceLabel) ?? ''));
      };
      await this.#whenDue(bytes, read);
      return names;
    });
  }

  #whenDue(bytes: Buffer, process: (work: LongWork) => Promise<void>): Promise<void> {
    return bytes.length > longBodyBytes ? this.#inTurn(bytes, process) : process('bodies');
  }

  /** For a long body. */
  async #inTurn(bytes: Buffer, process: (work: LongWork) => Promise<void>): Promise<void> {
    const { schedule, heavyWork } = this.#options;
    const isLarge = bytes.length > slicedBodyBytes;
    const work = isLarge ? 'large bodies' : 'bodies';
    const release = await this.#slots[work].acquire();
    try {
      await schedule.next(work);
      await (isLarge ? heavyWork(() => process(work)) : process(work));
    } finally {
      release();
    }
  }

  async #acceptBody(
    bytes: Buffer,
    answer: (intake: AlertIntake) => void,
    sender: Sender,
    format: AlertFormat,
    work: LongWork,
    mayCreate: Visible | undefined,
  ): Promise<void> {
    const { clock, schedule, store, settings, report, sink, expireDue } = this.#options;
    const read = format.read(bytes, settings().maxLabels, new Slices(schedule, work), store, clock.now());
    const batch = read instanceof Promise ? await read : read;
    expireDue();
    const transitions = report.transitions(sender);
    const intake = this.#intake(batch, format, mayCreate, bytes, (transition) => transitions.add(transition));
    try {
      const rest = batch.forEach((alert) => {
        intake.add(alert);
        return this.#options.isSilencingSlow();
      });
      if (rest !== undefined) await rest;
    } finally {
      intake.tellOthers(bytes);
    }
    const truncated = batch.webhook?.truncatedAlerts ?? 0;
    intake.addTruncated(truncated);
    this.#options.others?.omitted(truncated);
    expireDue();
    answer(intake);
    report.received(sender, intake, transitions, bytes.length, batch.webhook);
    for (const causes of intake.causes.waking) {
      causes.addRequestId(sender.requestId);
      sink(causes);
    }
  }

  #intake(
    { characterBytes, webhook }: Batch,
    format: AlertFormat,
    mayCreate: Visible | undefined,
    bytes: Buffer,
    onTransition: OnTransition,
  ): AlertIntake {
    const { clock, store, silencing, settings, others } = this.#options;
    const { repeats, platform, webhookResolveTimeoutMs } = settings();
    return new AlertIntake({
      store,
      repeats,
      silencing,
      platform,
      now: clock.now(),
      characterBytes,
      nameOf: format.nameOf,
      mayCreate,
      resolveTimeoutMs: format.resolveTimeoutMs ?? (webhook === undefined ? undefined : webhookResolveTimeoutMs),
      others,
      isTold: format.isTold === true,
      // A larger body takes a while: others hear of its alerts one by one.
      isToldAtOnce: bytes.length <= slicedBodyBytes,
      onTransition,
    });
  }
}

/** True for those who may create alerts in every namespace, at once if that is known: an alert of theirs costs nothing more. */
function needsNoLook(rights: Rights | undefined): rights is undefined {
  return rights === undefined || rights.everywhere('create', 'alerts') === true;
}

function answerSender(response: ServerResponse, { requestId }: Sender, { invalid, refusal }: AlertIntake): void {
  const headers = { 'X-Request-Id': requestId };
  if (invalid > 0) answerString(response, 400, refusal, headers);
  else answerEmpty(response, headers);
}
