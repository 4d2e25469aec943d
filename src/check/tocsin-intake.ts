import { formatDuration } from '../config/settings/duration.ts';
import { comparedLabels } from '../drift/compared-labels.ts';
import type { Status } from '../explain/schema-status.ts';
import { ofEach, type Chain } from './chain.ts';
import { ok, problem, type Check, type Outcome } from './check.ts';
import { pausesOfEverything, silencesOf } from './pauses.ts';
import { comesByWebhook, patienceMs, resendDelay } from './received.ts';

/** How long a limit that was reached is news, milliseconds. */
const recentMs = 3_600_000;

/** Whether Tocsin takes what comes. */
export function intake(chain: Chain): readonly Check[] {
  return [
    {
      id: 'tocsin-received',
      description: 'it has received what fires',
      retryable: true,
      surfacesProblem: true,
      run: ({ signal }) => received(chain, signal),
    },
    {
      id: 'tocsin-limits',
      description: 'no limit was reached in the last hour',
      warning: true,
      run: () => limits(chain),
    },
    {
      id: 'tocsin-silences',
      description: 'no silence pauses everything',
      run: ({ signal }) => silences(chain, signal),
    },
  ];
}

async function received(chain: Chain, signal: AbortSignal): Promise<Outcome> {
  const status = await chain.status();
  const told = receivedText(status);
  if (comesByWebhook(status)) return ok(told);
  const found = await ofEach(chain, async (server) => {
    const { dropped } = comparedLabels([await server.configuration(signal).catch(() => '')], []);
    // What fires may be what relabelling drops.
    if (dropped !== undefined) return undefined;
    return overdue(status, async () => ({
      firing: (await server.groups(signal)).flatMap(({ rules }) => rules),
      resendMs: await resendDelay(server, signal),
    })).catch(() => undefined);
  });
  return found === undefined ? ok(told) : chain.follows([...found, told]);
}

/** What fires in a Prometheus, and how often it is sent. */
interface Firing {
  readonly firing: readonly {
    readonly name: string;
    readonly intervalMs: number;
    readonly forMs: number;
    readonly alerts: readonly { readonly state: string; readonly activeAt: number }[];
  }[];
  readonly resendMs: number;
}

/** Why what was received is too old for what fires; undefined if it is not. */
export async function overdue(
  {
    received: { from_prometheus_at: at },
    time,
    started_at: startedAt,
  }: Pick<Status, 'received' | 'time' | 'started_at'>,
  ask: () => Promise<Firing>,
): Promise<string | undefined> {
  const { firing, resendMs } = await ask();
  const now = Date.parse(time);
  const known = Date.parse(at ?? startedAt);
  const first = firing.find(({ alerts, forMs, intervalMs }) =>
    alerts.some(
      ({ state, activeAt }) =>
        state === 'firing' && now - Math.max(activeAt + forMs, known) > patienceMs(resendMs, intervalMs),
    ),
  );
  if (first === undefined) return undefined;
  return `${first.name} fires in Prometheus, and no alert has come for longer than the ${formatDuration(resendMs)} after which it is sent again`;
}

function receivedText({ received: { at, from_prometheus_at: from } }: Status): string {
  if (at === undefined) return 'nothing that is still stored was received; tocsin test-alert sends an alert';
  return from === undefined
    ? `the last alert was received at ${at}, none from a Prometheus`
    : `the last alert of a Prometheus was received at ${from}`;
}

async function limits(chain: Chain): Promise<Outcome> {
  const { limits: reached, time } = await chain.status();
  const recent = reached.filter(({ last_reached_at: at }) => Date.parse(time) - Date.parse(at) < recentMs);
  if (recent.length === 0) return ok();
  const each = recent.map(({ limit, count, last_reached_at: at }) => `${limit} (${count} times, last at ${at})`);
  return problem(
    `limits were reached: ${each.join(', ')}: docs/configuration.md says of each what it refuses, and how to raise it`,
  );
}

async function silences(chain: Chain, signal: AbortSignal): Promise<Outcome> {
  const { status, body } = await chain.tocsin.send('GET', '/api/v2/silences');
  if (status !== 200) return problem(`${chain.tocsin.shownUrl}/api/v2/silences answers ${status}`);
  const rules: { readonly name: string; readonly labels: Readonly<Record<string, string>> }[] = [];
  for (const server of await chain.answeringServers()) {
    const groups = await server.groups(signal).catch(() => []);
    rules.push(...groups.flatMap((group) => group.rules.filter(({ type }) => type === 'alerting')));
  }
  const found = pausesOfEverything(silencesOf(body.toString()), rules);
  if (found.length === 0) return ok();
  return problem(
    `${found.join('; ')}: no alert wakes a reconcile until then; amtool silence expire ID --alertmanager.url=${chain.tocsin.shownUrl} ends it`,
  );
}
