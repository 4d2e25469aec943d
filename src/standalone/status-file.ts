import { createHash } from 'node:crypto';
import { stringify } from 'yaml';
import type { Condition, Pipeline } from '../reconcile/ports.ts';
import type { Request } from '../reconcile/request.ts';
import { isDnsSubdomain } from './dns-subdomain.ts';
import type { PipelineManifest } from './pipeline-manifest.ts';

/** With the affixes of the temporary file the longest name that file systems take, which is 255 bytes. */
const maxNameLength = 255 - '..yaml.tmp'.length;

/**
 * The name of a pipeline's status file. A pipeline's name may be so long that no file can bear it: then it is cut, and a `~`, which no
 * pipeline's name can hold, and a hash make it unique again. Throws if the name is not a safe one, which a manifest cannot bring about.
 */
export function statusFileName(name: string): string {
  if (!isDnsSubdomain(name)) throw new Error(`${JSON.stringify(name)} cannot be the name of a status file`);
  if (name.length <= maxNameLength) return `${name}.yaml`;
  const hash = createHash('sha256').update(name).digest('hex').slice(0, 16);
  return `${name.slice(0, maxNameLength - hash.length - 1)}~${hash}.yaml`;
}

/**
 * The pipeline's status as `kubectl get -o yaml` shows it, keys in alphabetical order. Text is quoted where YAML 1.1, which most readers
 * still speak, would take it for something else; lines are not folded, so that a message can be found with `grep`.
 */
export function renderStatus({ apiVersion, kind, name }: Pipeline, conditions: readonly Condition[]): string {
  const object = { apiVersion, kind, metadata: { name }, status: { conditions: conditions.map(sortKeys) } };
  return stringify(object, { schema: 'core', compat: 'yaml-1.1', lineWidth: 0, aliasDuplicateObjects: false });
}

function sortKeys({ type, status, reason, message, lastTransitionTime, observedGeneration }: Condition): Condition {
  const generation = observedGeneration === undefined ? {} : { observedGeneration };
  return { lastTransitionTime, message, ...generation, reason, status, type };
}

/** The conditions in a status file, as it was parsed. Throws with the first thing that is wrong with it, also if it is another pipeline's. */
export function conditionsOf({ pipelines, problems }: PipelineManifest, { kind, name }: Request): readonly Condition[] {
  const [problem] = problems;
  if (problem !== undefined) throw new Error(`line ${problem.line}, column ${problem.column}: ${problem.message}`);
  const [pipeline] = pipelines;
  if (pipeline === undefined || pipelines.length !== 1)
    throw new Error(`it holds ${pipelines.length} objects instead of one`);
  if (pipeline.kind !== kind || pipeline.name !== name) throw new Error(`it is of ${pipeline.kind} ${pipeline.name}`);
  return pipeline.conditions;
}
