import type { Alert } from '../../alert/alert.ts';
import type { Sliced } from '../../runtime/slices.ts';
import { formatDateTime } from '../../text/go/date-time.ts';

/** The most alerts that wait to be told; what comes on top is counted, and the leader then looks at every object. */
export const maxToldAlerts = 100_000;

/** The size of a body with alerts in full, characters. A single larger alert is a body of its own. */
export const toldBodyLength = 256 * 1024;

/** The number of alerts in one step. */
const alertsPerStep = 64;

/**
 * What this replica was told and the leader may not know yet. Of an alert that comes again only its present state is told, so there is one
 * entry for each alert, and no copy: an entry is the stored alert itself.
 */
export class ToldAlerts {
  #waiting = new Set<Alert>();
  #omitted = 0;

  get size(): number {
    return this.#waiting.size;
  }

  /** The number of alerts that are not told one by one, because there was no room to remember them. */
  get omitted(): number {
    return this.#omitted;
  }

  /** True if nothing is to be told. */
  get isEmpty(): boolean {
    return this.#waiting.size === 0 && this.#omitted === 0;
  }

  add(alert: Alert): void {
    if (this.#waiting.size < maxToldAlerts || this.#waiting.has(alert)) this.#waiting.add(alert);
    else this.#omitted++;
  }

  /** Alerts of which nothing is kept. */
  omit(count: number): void {
    this.#omitted += count;
  }

  /** Takes out the oldest; what cannot be told comes back with {@link add}. */
  take(limit: number): readonly Alert[] {
    const taken: Alert[] = [];
    for (const alert of this.#waiting) {
      if (taken.length === limit) break;
      this.#waiting.delete(alert);
      taken.push(alert);
    }
    return taken;
  }

  takeOmitted(): number {
    const omitted = this.#omitted;
    this.#omitted = 0;
    return omitted;
  }

  /** All stored alerts are told in another way. What nobody has stored is still to be told. */
  forgetStored(): void {
    this.#waiting = new Set();
  }

  clear(): void {
    this.forgetStored();
    this.#omitted = 0;
  }
}

/** What was taken out already, and what is still to come. */
export function* both<T>(first: Iterable<T>, then: Iterator<T> | undefined): Generator<T, void> {
  yield* first;
  for (let next = then?.next(); next !== undefined && next.done !== true; next = then?.next()) yield next.value;
}

/** A body for `POST /api/peers/v1/alerts`. */
export interface ToldBody {
  readonly text: string;
  readonly count: number;
  /** How long alerts without an end count as firing, milliseconds; undefined: each of these has an end. */
  readonly timeoutMs: number | undefined;
}

/** The alerts as Alertmanager's API takes them in. */
export function* toldBodies(alerts: readonly Alert[]): Sliced<readonly ToldBody[]> {
  const bodies: ToldBody[] = [];
  const open = new Map<number | undefined, { text: string; count: number }>();
  for (const [index, alert] of alerts.entries()) {
    if (index % alertsPerStep === alertsPerStep - 1) yield;
    const timeoutMs = timeoutOf(alert);
    const text = postableJson(alert);
    const body = open.get(timeoutMs);
    if (body === undefined) open.set(timeoutMs, { text, count: 1 });
    else if (body.text.length + text.length > toldBodyLength) {
      bodies.push({ text: `[${body.text}]`, count: body.count, timeoutMs });
      open.set(timeoutMs, { text, count: 1 });
    } else {
      body.text += `,${text}`;
      body.count++;
    }
  }
  for (const [timeoutMs, { text, count }] of open) bodies.push({ text: `[${text}]`, count, timeoutMs });
  return bodies;
}

function timeoutOf({ times }: Alert): number | undefined {
  return times.timeout ? Math.max(0, Math.round(times.endsAt - times.updatedAt)) : undefined;
}

/** Without the end if nobody gave one: it was only the timeout by the clock of this replica. */
function postableJson(alert: Alert): string {
  const { annotations, generatorURL, times } = alert;
  const end = times.timeout ? '' : `,"endsAt":"${formatDateTime(times.endsAt)}"`;
  const url = generatorURL === '' ? '' : `,"generatorURL":${JSON.stringify(generatorURL)}`;
  return `{"labels":${labelsText(alert)},"annotations":${textOf(annotations)},"startsAt":"${formatDateTime(times.startsAt)}"${end}${url}}`;
}

/** An alert as replicas show it to each other, on a line of its own. */
export function alertLine(alert: Alert): string {
  const { updatedAt, endsAt, timeout } = alert.times;
  const rest = { updatedAt, ...(timeout && { timeout, endsAt }) };
  return `${postableJson(alert).slice(0, -1)},${JSON.stringify(rest).slice(1)}\n`;
}

function labelsText(alert: Alert): string {
  return alert.keptLabels === undefined ? alert.key : JSON.stringify(alert.keptLabels);
}

function textOf(annotations: Alert['annotations']): string {
  return typeof annotations === 'string' ? annotations : JSON.stringify(annotations);
}
