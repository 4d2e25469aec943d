import type { TenantConfig, TenantHome } from '../config/tenant-configs.ts';
import type { Chain } from './chain.ts';
import { ok, problem, skipped, type Category, type Outcome } from './check.ts';

/** The most tenants that are told of in one problem. */
const maxTold = 10;

export interface TenantSource {
  /** Those of the file. Throws if the configuration is not valid. */
  readonly list: () => readonly TenantConfig[];
  /** Why the home of a tenant's pipelines cannot be used; undefined if it can. Never rejects. */
  readonly homeProblem: (home: TenantHome) => Promise<string | undefined>;
  /** How the running Tocsin finds a tenant. */
  readonly by: 'path' | 'header' | 'label';
}

/** Each tenant of the configuration: where its pipelines live, and whether it runs. */
export function tenants({ list, homeProblem, by }: TenantSource, chain: Chain): Category {
  return {
    name: 'tenants',
    needs: [],
    checks: [
      {
        id: 'tenants-homes',
        description: "every tenant's folder or kubeconfig can be read",
        run: () =>
          eachOf(list(), async ({ name, home }) => {
            const text = await homeProblem(home);
            return text === undefined ? [] : [`${name}: ${text}`];
          }),
      },
      {
        id: 'tenants-apart',
        description: 'no two tenants write to the same pipelines',
        warning: true,
        run: () => apart(list()),
      },
      {
        id: 'tenants-ready',
        description: 'every tenant is ready',
        retryable: true,
        run: () => ready(list(), by, chain),
      },
    ],
  };
}

/** The first problems, and how many more there are. */
async function eachOf<T>(items: readonly T[], look: (item: T) => Promise<readonly string[]>): Promise<Outcome> {
  const found: string[] = [];
  for (const item of items) found.push(...(await look(item)));
  return outcomeOf(found, items.length);
}

function outcomeOf(found: readonly string[], count: number): Outcome {
  if (found.length === 0) return ok(`${count} tenants`);
  const more = found.length - maxTold;
  return problem([...found.slice(0, maxTold), ...(more > 0 ? [`and ${more} more`] : [])]);
}

/** Two with one home that choose the same objects take turns to write their conditions. */
function apart(all: readonly TenantConfig[]): Outcome {
  const places = Map.groupBy(all, ({ home, config }) => JSON.stringify([home, config.pipelines.kubernetes.kinds]));
  const shared = [...places.values()].filter((group) => group.length > 1);
  const lines = shared.map(
    (group) =>
      `${group.map(({ name }) => name).join(', ')} have the same pipelines: give each a folder, a kubeconfig or a context of its own, or kinds with a labelSelector`,
  );
  return outcomeOf(lines, all.length);
}

async function ready(all: readonly TenantConfig[], by: TenantSource['by'], chain: Chain): Promise<Outcome> {
  if (chain.source.tocsin === undefined || chain.isSilent) return skipped('no Tocsin answers');
  if (by === 'header') return skipped('tenants are named by a header: ask each of them with --http.config.file');
  return eachOf(all, async ({ name }) => {
    const { status, body } = await chain.tocsin.send('GET', `/${encodeURIComponent(name)}/-/ready`);
    return status === 200 ? [] : [`${name}: ${status} ${body.toString('utf8').slice(0, 200)}`];
  });
}
