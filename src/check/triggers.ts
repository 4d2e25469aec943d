import type { Selection } from '../text/json-selection.ts';
import type { PolicyRule } from '../trigger/ports.ts';
import { readTrigger, specFields, type TriggerRules } from '../trigger/read-trigger.ts';
import { targetKindsOf, targetRules } from '../trigger/target-rights.ts';
import { webhookAnswers } from './admission.ts';
import { ok, problem, skipped, type Category, type Outcome } from './check.ts';
import { orAbsent, servedVersions, type ClusterApi, type ClusterSource } from './cluster.ts';
import { missingRights, showRight, userOf, type Right } from './rights.ts';

const group = 'tocsin.dev';
const version = 'v1alpha1';
const kinds = { AlertTrigger: 'alerttriggers', ClusterAlertTrigger: 'clusteralerttriggers' } as const;

/** The most triggers that are read of each kind, and the most that are told. */
const maxTriggers = 5000;
const maxTold = 10;
const pageSize = 500;

export interface TriggerSource {
  readonly cluster: ClusterSource;
  /** What the configuration says of triggers. Throws if it is not valid. */
  readonly rules: () => TriggerRules;
}

/** What teams and the owner of the cluster declare in resources of their own, and what that needs. */
export function triggers({ cluster, rules }: TriggerSource): Category {
  const check = (
    id: string,
    description: string,
    run: (api: ClusterApi, signal: AbortSignal) => Promise<Outcome>,
  ): Category['checks'][number] => ({
    id,
    description,
    // Never tried again: one trigger of one team must not make everybody wait.
    warning: true,
    run: async ({ signal }) => run(await cluster.connect(), signal),
  });
  return {
    name: 'triggers',
    needs: ['kubernetes-api'],
    whyNot: () => cluster.whyNot,
    checks: [
      check('triggers-kinds', 'the kinds of triggers are installed, and as new as this program', kindsFit),
      check('triggers-rights', 'may read triggers, and write their status', mayReadTriggers),
      check('triggers-targets', 'may do what each trigger does to its targets', (api, signal) =>
        mayReachTargets(api, rules(), signal),
      ),
      check('triggers-ready', 'every trigger is accepted and ready', allReady),
      check('triggers-reviews', 'may ask who sends a token, and what they may do', mayReview),
      check('triggers-admission', 'the admission webhook answers, and its certificate and Service fit', webhookAnswers),
    ],
  };
}

interface OpenApi {
  readonly components?: {
    readonly schemas?: Readonly<
      Record<
        string,
        { readonly properties?: { readonly spec?: { readonly properties?: Readonly<Record<string, unknown>> } } }
      >
    >;
  };
}

const mebibyte = 1024 ** 2;
const namesOf = (selection: Selection): Selection => ({ members: { properties: selection } });
const fieldsOfKinds: Selection = {
  members: {
    components: {
      members: { schemas: { everyMember: namesOf({ members: { spec: namesOf({ everyMember: 'scalar' }) } }) } },
    },
  },
};
const neededOfTriggers: Selection = {
  members: {
    metadata: { members: { continue: 'scalar' } },
    items: {
      everyElement: {
        members: {
          metadata: { members: { name: 'scalar', namespace: 'scalar', generation: 'scalar' } },
          spec: 'whole',
          status: { members: { observedGeneration: 'scalar', conditions: 'whole' } },
        },
      },
    },
  },
};

const notInstalled =
  'the kinds of triggers are not installed: kubectl apply --server-side -k k8s/crds, if teams are to have triggers';

/** The schema that everybody may read says which fields it knows: an older one drops what a newer program has. */
async function kindsFit(api: ClusterApi, signal: AbortSignal): Promise<Outcome> {
  const served = await servedVersions(api, group, signal);
  if (served.length === 0) return skipped(notInstalled);
  if (!served.includes(version))
    return problem(
      `${group} is served as ${served.join(', ')}, and this program reads ${version}: apply k8s/crds of its version`,
    );
  const path = `/openapi/v3/apis/${group}/${version}`;
  const document = await orAbsent(
    api.call<OpenApi>({ method: 'GET', path, keep: { selection: fieldsOfKinds, bytes: 4 * mebibyte }, signal }),
  );
  const schemas = document?.components?.schemas ?? {};
  const told = Object.keys(kinds).flatMap((kind) => {
    const schema = Object.entries(schemas).find(([name]) => name.endsWith(`.${kind}`))?.[1];
    if (schema === undefined) return [`${kind} is not installed`];
    const known = Object.keys(schema.properties?.spec?.properties ?? {});
    const missing = specFields().filter((field) => !known.includes(field));
    return missing.length === 0
      ? []
      : [`${kind} is older than this program: its spec does not know ${missing.join(', ')}`];
  });
  if (told.length === 0) return ok(`${group}/${version}`);
  return problem([...told, 'kubectl apply --server-side -k k8s/crds, of the version of this program']);
}

async function mayReadTriggers(api: ClusterApi, signal: AbortSignal): Promise<Outcome> {
  if (!(await isInstalled(api, signal))) return skipped(notInstalled);
  const resources = Object.values(kinds);
  const reads = ['get', 'list', 'watch'].flatMap((verb) => resources.map((resource) => ({ verb, group, resource })));
  const writes = resources.map((resource) => ({ verb: 'patch', group, resource, subresource: 'status' }));
  const namespaces = ['list', 'watch'].map((verb) => ({ verb, group: '', resource: 'namespaces' }));
  return granted(api, [...reads, ...writes, ...namespaces], 'k8s/components/triggers', signal);
}

async function mayReview(api: ClusterApi, signal: AbortSignal): Promise<Outcome> {
  const wanted: readonly Right[] = [
    { verb: 'create', group: 'authentication.k8s.io', resource: 'tokenreviews' },
    { verb: 'create', group: 'authorization.k8s.io', resource: 'subjectaccessreviews' },
  ];
  const missing = await missingRights(api, wanted, signal);
  if (missing.length === wanted.length)
    return skipped(
      `may not ${missing.map(showRight).join('; ')}: with kubernetes.enabled in the web configuration nobody would be let in; k8s/components/kubernetes-auth grants it`,
    );
  return granted(api, wanted, 'k8s/components/kubernetes-auth', signal);
}

async function granted(
  api: ClusterApi,
  wanted: readonly Right[],
  manifest: string,
  signal: AbortSignal,
): Promise<Outcome> {
  const [user, missing] = await Promise.all([userOf(api, signal), missingRights(api, wanted, signal)]);
  if (missing.length === 0) return ok(...wanted.map(showRight));
  return problem([
    `${user ?? 'the user of the kubeconfig'} may not: ${missing.map(showRight).join('; ')}`,
    `${manifest} grants it to the ServiceAccount of Tocsin`,
  ]);
}

interface FoundTrigger {
  readonly kind: keyof typeof kinds;
  readonly metadata: { readonly name: string; readonly namespace?: string; readonly generation?: number };
  readonly spec?: unknown;
  readonly status?: {
    readonly observedGeneration?: number;
    readonly conditions?: readonly {
      readonly type: string;
      readonly status: string;
      readonly reason?: string;
      readonly message?: string;
    }[];
  };
}

async function isInstalled(api: ClusterApi, signal: AbortSignal): Promise<boolean> {
  return (await servedVersions(api, group, signal)).includes(version);
}

/** None if the kinds are not installed: who has no right to them would be refused, which says nothing. */
async function allTriggers(api: ClusterApi, signal: AbortSignal): Promise<readonly FoundTrigger[]> {
  if (!(await isInstalled(api, signal))) return [];
  const lists = await Promise.all(
    (Object.keys(kinds) as (keyof typeof kinds)[]).map(async (kind) => {
      const found: FoundTrigger[] = [];
      let next = '';
      do {
        const list = await page(api, kind, next, signal);
        for (const item of list?.items ?? []) found.push({ ...item, kind });
        next = list?.metadata?.continue ?? '';
      } while (next !== '' && found.length < maxTriggers);
      return found;
    }),
  );
  return lists.flat();
}

interface TriggerPage {
  readonly metadata?: { readonly continue?: string };
  readonly items?: readonly Omit<FoundTrigger, 'kind'>[];
}

/** Undefined if the kind is not installed. */
function page(
  api: ClusterApi,
  kind: keyof typeof kinds,
  next: string,
  signal: AbortSignal,
): Promise<TriggerPage | undefined> {
  const path = `/apis/${group}/${version}/${kinds[kind]}`;
  const query = { limit: pageSize, ...(next !== '' && { continue: next }) };
  const keep = { selection: neededOfTriggers, bytes: 16 * mebibyte };
  return orAbsent(api.call<TriggerPage>({ method: 'GET', path, query, keep, signal }));
}

function keyOf({ kind, metadata: { namespace, name } }: FoundTrigger): string {
  return [kind.toLowerCase(), ...(namespace === undefined ? [] : [namespace]), name].join('/');
}

async function allReady(api: ClusterApi, signal: AbortSignal): Promise<Outcome> {
  const found = await allTriggers(api, signal);
  if (found.length === 0) return skipped('there is no trigger');
  const told = found.flatMap((trigger) => {
    const why = whyNotReady(trigger);
    return why === undefined ? [] : [`${keyOf(trigger)}: ${why}`];
  });
  return told.length === 0 ? ok(`${found.length} triggers`) : problem(shortened(told));
}

function whyNotReady({ metadata, status }: FoundTrigger): string | undefined {
  const conditions = status?.conditions ?? [];
  if (conditions.length === 0) return 'it has no status: does a Tocsin run that may read it (triggers-rights)?';
  const bad = ['Accepted', 'TargetsResolved', 'Ready'].flatMap((type) =>
    conditions.filter((each) => each.type === type),
  );
  const first = bad.find((each) => each.status !== 'True');
  if (first !== undefined) return `${first.type} is ${first.status}, ${first.reason ?? ''}: ${first.message ?? ''}`;
  if ((status?.observedGeneration ?? 0) < (metadata.generation ?? 0))
    return 'its status is about an older spec: Tocsin has not read the new one yet';
  return undefined;
}

function shortened(told: readonly string[]): readonly string[] {
  const left = told.length - maxTold;
  return left > 0 ? [...told.slice(0, maxTold), `and ${left} more`] : told;
}

/** By the rules of RBAC that the targets need, as `tocsin trigger rbac` writes them. */
async function mayReachTargets(api: ClusterApi, rules: TriggerRules, signal: AbortSignal): Promise<Outcome> {
  const found = await allTriggers(api, signal);
  const needed = new Map<string, PolicyRule>();
  for (const { kind, metadata, spec } of found) {
    const identity = { origin: kind, ...metadata, generation: metadata.generation ?? 0 };
    const reading = readTrigger(identity, spec, rules);
    if (!('trigger' in reading)) continue;
    for (const rule of targetRules(targetKindsOf(reading.trigger))) needed.set(ruleText(rule), rule);
  }
  if (needed.size === 0) return skipped('no trigger needs a right');
  const missing: string[] = [];
  for (const [text, rule] of needed)
    if ((await missingRights(api, rightsIn(rule), signal)).length > 0) missing.push(text);
  if (missing.length === 0) return ok(...needed.keys());
  const user = (await userOf(api, signal)) ?? 'the user of the kubeconfig';
  return problem([
    ...shortened(missing.map((rule) => `${user} lacks the rule ${rule}`)),
    'tocsin trigger rbac writes it, for kubectl apply; in the chart it is triggers.kinds',
  ]);
}

/** A rule as it stands in a ClusterRole. */
function ruleText({ apiGroups, resources, verbs }: PolicyRule): string {
  return `{apiGroups: ${listText(apiGroups)}, resources: ${listText(resources)}, verbs: ${listText(verbs)}}`;
}

function listText(texts: readonly string[]): string {
  return `[${texts.map((text) => text || "''").join(', ')}]`;
}

function rightsIn({ apiGroups, resources, verbs }: PolicyRule): readonly Right[] {
  const [target = '', subresource] = (resources[0] ?? '').split('/');
  return verbs.map((verb) => ({
    verb,
    group: apiGroups[0] ?? '',
    resource: target,
    ...(subresource !== undefined && { subresource }),
  }));
}
