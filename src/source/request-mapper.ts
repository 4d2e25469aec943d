import type { LabelSet } from '../alert/labels.ts';
import type { Causes } from '../cause/causes.ts';
import { kymaKinds } from '../reconcile/kyma-kinds.ts';
import type { Choice, Request } from '../reconcile/ports.ts';
import { defaultTrigger } from '../trigger/trigger.ts';

/** Selects the pipelines that an event concerns. Pure. */
export type RequestMapper = (causes: Causes, pipelines: readonly Request[]) => readonly Request[];

export type Select = 'all' | 'labels';

/** Every way of selecting, by its name in `source.select`. */
export const requestMappers: Readonly<Record<Select, RequestMapper>> = {
  all: everyPipeline,
  labels: pipelinesNamedByLabels,
};

/** The choice of the trigger that is there when there is no other. */
export function chooseByDefault(select: Select, causes: Causes, pipelines: readonly Request[]): Choice {
  const requests = requestMappers[select](causes, pipelines);
  return { requests, causes, chosenBy: new Map([[defaultTrigger, causes]]) };
}

/** True if no other trigger chose. */
export function isByDefault({ chosenBy }: Choice): boolean {
  return chosenBy.size === Number(chosenBy.has(defaultTrigger));
}

function everyPipeline(_: Causes, pipelines: readonly Request[]): readonly Request[] {
  return pipelines;
}

/**
 * Kyma's way. The prefix of `alertname` selects the kind, and an exact `pipeline_name` the pipeline; without `pipeline_name`, all
 * pipelines of the kind are selected; without either, all pipelines. Beside a `pipeline_name`, `pipeline_type` has to match the
 * kind. Source: the matcher of Kyma's telemetry-manager, except that there an alert that names nothing wakes nothing.
 */
function pipelinesNamedByLabels(causes: Causes, pipelines: readonly Request[]): readonly Request[] {
  if (causes.incomplete || causes.alerts.size === 0) return pipelines;
  const choices = new Map<string, NamedPipelines>();
  for (const { labels } of causes.alerts.values()) {
    const choice = choiceOf(labels);
    if (choice === undefined) continue;
    if (choice.kind === undefined && choice.name === undefined) return pipelines;
    choices.set(choiceKey(choice.kind, choice.name), choice);
  }
  return pipelines.filter(
    ({ kind, name }) =>
      choices.has(choiceKey(kind, name)) ||
      choices.has(choiceKey(kind, undefined)) ||
      choices.has(choiceKey(undefined, name)),
  );
}

/** Undefined means any. */
interface NamedPipelines {
  readonly kind: string | undefined;
  readonly name: string | undefined;
}

const pipelineTypes: ReadonlyMap<string, string> = new Map(kymaKinds.map(({ kind }) => [kind.toLowerCase(), kind]));

/** Undefined if the labels contradict themselves: then they concern no pipeline. */
function choiceOf(labels: LabelSet): NamedPipelines | undefined {
  const byPrefix = kymaKinds.find(({ alertPrefix }) => own(labels, 'alertname')?.startsWith(alertPrefix))?.kind;
  const name = own(labels, 'pipeline_name');
  const type = own(labels, 'pipeline_type');
  if (name === undefined || type === undefined) return { kind: byPrefix, name };
  const byType = pipelineTypes.get(type) ?? type;
  return byPrefix === undefined || byPrefix === byType ? { kind: byType, name } : undefined;
}

function own(labels: LabelSet, name: string): string | undefined {
  return Object.hasOwn(labels, name) ? labels[name] : undefined;
}

/** No kind and no name of a pipeline contains a slash. A label may contain anything, but then it names no pipeline. */
function choiceKey(kind: string | undefined, name: string | undefined): string {
  return `${kind === undefined ? '*' : `=${kind}`}/${name === undefined ? '*' : `=${name}`}`;
}
