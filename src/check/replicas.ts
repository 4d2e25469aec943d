import { formatDuration } from '../config/settings/duration.ts';
import type { Status } from '../explain/schema-status.ts';
import type { Chain } from './chain.ts';
import { ok, problem, type Category, type Outcome } from './check.ts';

/** A lease that nobody holds is taken in seconds, and one whose holder died after its duration, which is 15 s by default. */
const maxLeaderlessSeconds = 60;

/** Whether one of several replicas leads. */
export function replicas(chain: Chain): Category {
  return {
    name: 'replicas',
    needs: ['tocsin'],
    whyNot: () => (chain.source.tocsin === undefined ? 'no Tocsin is asked: give --url' : undefined),
    checks: [
      {
        id: 'replicas-leader',
        description: 'one replica leads',
        retryable: true,
        surfacesProblem: true,
        run: async () => leaderOf((await chain.status()).replica),
      },
    ],
  };
}

export function leaderOf(replica: Status['replica']): Outcome {
  if (replica === undefined) return ok('it is the only replica');
  const { identity, leading, leader, lease, term, waiting_for_leader_seconds: seconds } = replica;
  if (leading) return ok(`${identity} leads in term ${term}, and answers here`);
  if (seconds === undefined) return ok(`${leader} leads in term ${term}; ${identity}, which answers here, follows`);
  if (seconds <= maxLeaderlessSeconds) return ok(`nobody has led for ${formatDuration(Math.round(seconds) * 1000)}`);
  return problem(
    `nobody has led for ${formatDuration(Math.round(seconds) * 1000)}, so no condition is written: see lease.failed in the log, ` +
      `and what kubectl get lease -o yaml says of ${lease}`,
  );
}
