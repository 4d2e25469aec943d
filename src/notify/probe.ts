import { notificationMark } from '../cause/alert-cause.ts';
import type { Clock } from '../runtime/clock.ts';
import { sleep } from '../runtime/deadline.ts';
import { formatDateTime } from '../text/go/date-time.ts';
import type { AlertmanagerClient } from './alertmanager-client.ts';

/** The alert of a test. */
export const probeAlertname = 'TocsinNotifyTest';

/** A test alert ends by itself after this time, milliseconds. */
const probeMs = 60_000;

/** An Alertmanager shows an alert as soon as it has it; a pair may answer from the other replica. */
const looks = 5;
const lookAgainMs = 200;

export interface ProbeOptions {
  readonly clock: Clock;
  /** `notify.labels` */
  readonly labels: ReadonlyMap<string, string>;
  /** Identifies this test. */
  readonly id: string;
  readonly externalUrl?: string;
}

export type ProbeResult =
  /** It has the alert, and gives it to these receivers. */
  | { readonly receivers: readonly string[]; readonly silencedBy: readonly string[] }
  /** What is wrong, where, and what to do. */
  | { readonly problem: string };

/** Sends a test alert to an Alertmanager, and asks it whether it has the alert. Rejects only with the signal's reason. */
export async function probe(
  client: AlertmanagerClient,
  options: ProbeOptions,
  signal: AbortSignal,
): Promise<ProbeResult> {
  const { clock, id } = options;
  try {
    await client.post(JSON.stringify([testAlert(options)]), signal);
    for (let look = 0; look < looks; look++) {
      if (look > 0) await sleep(clock, lookAgainMs, signal);
      const found = foundIn(await client.get(`/api/v2/alerts?filter=${encodeURIComponent(`probe="${id}"`)}`, signal));
      if (found !== undefined) return found;
    }
    const at = `Alertmanager at ${client.address}`;
    return {
      problem: `${at} accepted a test alert, but does not list it: is that a proxy in front of several that do not form a cluster?`,
    };
  } catch (error) {
    signal.throwIfAborted();
    return { problem: (error as Error).message };
  }
}

function testAlert({ clock, labels, id, externalUrl }: ProbeOptions): object {
  const now = clock.now();
  return {
    labels: { ...Object.fromEntries(labels), alertname: probeAlertname, probe: id, ...notificationMark },
    annotations: {
      summary: 'A test of the notifications of Tocsin: nothing is wrong.',
      description: 'tocsin check --notify sent this alert. It ends by itself after a minute.',
    },
    startsAt: formatDateTime(now),
    endsAt: formatDateTime(now + probeMs),
    ...(externalUrl !== undefined && { generatorURL: externalUrl }),
  };
}

interface ListedAlert {
  readonly receivers?: readonly { readonly name?: string }[];
  readonly status?: { readonly silencedBy?: readonly string[] };
}

/** Undefined if the answer has no alert. Throws if it is no list of alerts. */
function foundIn(answer: string): ProbeResult | undefined {
  const [alert] = listOf(answer);
  if (alert === undefined) return undefined;
  const { receivers = [], status = {} } = alert;
  return { receivers: receivers.map(({ name }) => String(name)), silencedBy: status.silencedBy ?? [] };
}

function listOf(answer: string): readonly ListedAlert[] {
  try {
    const list: unknown = JSON.parse(answer);
    if (Array.isArray(list)) return list as readonly ListedAlert[];
  } catch {
    // Told below, like any other answer that is no list.
  }
  throw new Error('its answer is no list of alerts: is that an Alertmanager?');
}
