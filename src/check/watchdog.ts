import { formatDuration } from '../config/settings/duration.ts';
import type { Status } from '../explain/schema-status.ts';
import type { Chain } from './chain.ts';
import { ok, problem, skipped, type Category, type Outcome } from './check.ts';

/** Whether somebody notices when no alert comes any more. */
export function watchdog(chain: Chain): Category {
  return {
    name: 'watchdog',
    needs: ['tocsin'],
    whyNot: () => (chain.source.tocsin === undefined ? 'no Tocsin is asked: give --url' : undefined),
    checks: [
      {
        id: 'watchdog-configured',
        description: 'an alert that always fires is waited for',
        warning: true,
        run: async () =>
          (await chain.status()).watchdog === undefined
            ? problem(
                'receiver.watchdog.matcher is not set: when alerts stop coming, nobody notices; set it to alertname="Watchdog", and load a rule that always fires',
              )
            : ok(),
      },
      {
        id: 'watchdog-heard',
        description: 'that alert was received in time',
        retryable: true,
        surfacesProblem: true,
        run: () => heard(chain),
      },
    ],
  };
}

async function heard(chain: Chain): Promise<Outcome> {
  const status = await chain.status();
  if (status.watchdog === undefined) return skipped('receiver.watchdog.matcher is not set');
  const found = silent(status.watchdog, status);
  if (found !== undefined) return chain.follows(found);
  const { received_at: at } = status.watchdog;
  return ok(at === undefined ? 'it has not come yet, and has time' : `it was last received at ${at}`);
}

/** Why the alert is overdue; undefined if it is not. After a start, it has the whole time too. */
export function silent(
  { matcher, after_seconds: seconds, received_at: at }: NonNullable<Status['watchdog']>,
  { time, started_at: startedAt }: Pick<Status, 'time' | 'started_at'>,
): string | undefined {
  const afterMs = 1000 * seconds;
  const sinceMs = Date.parse(time) - Math.max(Date.parse(at ?? startedAt), 0);
  if (sinceMs <= afterMs) return undefined;
  const last = at === undefined ? 'none has come since Tocsin started' : `the last one came at ${at}`;
  return `no alert that matches ${matcher} was received for ${formatDuration(afterMs)}: ${last}; is its rule loaded, and does Prometheus send it here?`;
}
