import { stringify } from 'yaml';
import type { Reader } from '../config/settings/reader.ts';
import { readPath } from '../config/settings/value-readers.ts';
import {
  targetKindsOf,
  targetRole,
  targetUses,
  pluralOf,
  type TargetKindUse,
  type TargetUse,
} from '../trigger/target-rights.ts';
import { CommandError, exitDone, plainCommand, UsageError, usageOf, type PlainCall } from './command.ts';
import { readNamespace } from './rules-print.ts';
import { fileContext, problemText, readFileText } from './trigger-test.ts';
import { readTriggerFile } from './trigger-file.ts';

/** `clusters.postgresql.cnpg.io:condition`, as kubectl names a resource, or `postgresql.cnpg.io/Cluster:condition` by its kind. */
export const readTargetKind: Reader<TargetKindUse> = (found) => {
  const allowed = `RESOURCE.GROUP or GROUP/KIND, then a colon and any of ${targetUses.join(', ')}, as in clusters.postgresql.cnpg.io:condition`;
  const [, name = '', after = ''] = /^([^:]+):([^:]+)$/.exec(String(found)) ?? [];
  const uses = after.split(',');
  const kind = readKind(name);
  return kind !== undefined && uses.every(isUse) ? { value: { ...kind, uses } } : { allowed };
};

function isUse(word: string): word is TargetUse {
  return targetUses.some((use) => use === word);
}

function readKind(name: string): Pick<TargetKindUse, 'group' | 'resource'> | undefined {
  const [, group = '', kind] = /^(?:([a-z\d][a-z\d.-]*)?\/)?([A-Z][A-Za-z\d]*)$/.exec(name) ?? [];
  if (kind !== undefined) return { group, resource: pluralOf(kind) };
  const [, resource, ofGroup = ''] = /^([a-z\d][a-z\d-]*)(?:\.([a-z\d][a-z\d.-]*))?$/.exec(name) ?? [];
  return resource === undefined ? undefined : { group: ofGroup, resource };
}

const flags = {
  file: {
    name: 'file',
    short: 'f',
    placeholder: 'FILE',
    read: readPath,
    isList: true,
    help: 'AlertTriggers and ClusterAlertTriggers, or a configuration of Tocsin; may be given more than once.',
    unit: 'path of a YAML file',
    otherwise: 'none',
  },
  kind: {
    name: 'kind',
    placeholder: 'RESOURCE.GROUP:USE,...',
    read: readTargetKind,
    isList: true,
    help: 'A kind that triggers wake, and what for; may be given more than once. The owners of a pod need one each.',
    unit: targetUses.join(', '),
    otherwise: 'none',
  },
  account: {
    name: 'service-account',
    placeholder: 'NAME',
    read: readNamespace,
    help: 'The ServiceAccount of Tocsin.',
    unit: 'name',
    default: 'tocsin',
  },
  namespace: {
    name: 'namespace',
    short: 'n',
    placeholder: 'NAMESPACE',
    read: readNamespace,
    help: 'The namespace of the ServiceAccount.',
    unit: 'name',
    default: 'tocsin',
  },
} as const;

/** `tocsin trigger rbac`: exactly the rights that the targets of triggers need, as objects of Kubernetes. Asks nobody. */
export const triggerRbac = plainCommand({ name: 'trigger rbac', flags, run });

async function run({ values, words, surroundings }: PlainCall<typeof flags>): Promise<number> {
  const { file: files = [], kind: kinds = [], account = 'tocsin', namespace = 'tocsin' } = values;
  const usage = usageOf('trigger rbac');
  if (words.length > 0) throw new UsageError(`trigger rbac: stray words, allowed: ${usage}`);
  if (files.length + kinds.length === 0)
    throw new UsageError(`trigger rbac: no --file and no --kind, allowed: ${usage}`);
  const found: TargetKindUse[] = [...kinds];
  for (const file of files) found.push(...(await kindsIn(file)));
  if (found.length === 0) throw new CommandError('the triggers do nothing to any object, so they need no rights');
  const objects = targetRole(found, { name: account, namespace });
  surroundings.stdout.write(objects.map((object) => stringify(object)).join('---\n'));
  if (asksForOwners(found))
    surroundings.stderr.write(
      'a trigger asks what owns a pod: add --kind RESOURCE.GROUP:owner for each kind on the way up, such as replicasets.apps:owner, and what is done to the owner, such as deployments.apps:owner,annotate\n',
    );
  return exitDone;
}

async function kindsIn(file: string): Promise<readonly TargetKindUse[]> {
  const { triggers, problems } = readTriggerFile(file, await readFileText(file), fileContext(undefined, 'default'));
  if (problems.length > 0) throw new CommandError(problems.map(problemText).join('\n'));
  return triggers.flatMap(({ trigger }) => targetKindsOf(trigger));
}

function asksForOwners(kinds: readonly TargetKindUse[]): boolean {
  const owners = kinds.filter(({ uses }) => uses.includes('owner'));
  return owners.length > 0 && owners.every(({ resource }) => resource === 'pods');
}
