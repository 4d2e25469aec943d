import * as z from 'zod';
import { formatDuration } from '../config/settings/duration.ts';
import { withSuggestion } from '../config/settings/reader.ts';
import { nearestName } from '../config/settings/unknown-key.ts';
import { Matcher } from '../matcher/matcher.ts';
import { instructionsOf, maxTriggerInstructions } from './alert-matchers.ts';
import { fieldsTogether, limitProblems, tooMany, type SpecProblem, type TriggerLimits } from './spec-rules.ts';
import { compileTemplate } from './template.ts';
import {
  triggerKey,
  type Target,
  type Template,
  type Trigger,
  type TriggerAction,
  type TriggerName,
} from './trigger.ts';
import { TriggerSpec, type PresetName, type ReadSpec, type ReadTarget } from './trigger-spec.ts';

/** Which triggers see the alerts of their own namespace only; the words are those of prometheus-operator. */
export const matcherStrategies = ['OnNamespace', 'OnNamespaceExceptForReceiverNamespace', 'None'] as const;
export type MatcherStrategy = (typeof matcherStrategies)[number];

/** What the admin says about every trigger. */
export interface TriggerRules {
  readonly limits: TriggerLimits;
  /** The label of an alert that names its namespace. */
  readonly namespaceLabel: string;
  readonly strategy: MatcherStrategy;
  /** The namespace in which Tocsin runs; undefined without a cluster. */
  readonly receiverNamespace: string | undefined;
}

/** Where a trigger was read from, and which generation of it. */
export interface TriggerIdentity extends TriggerName {
  readonly generation: number;
}

/** A problem with a trigger, for its owner. */
export interface TriggerProblem extends SpecProblem {
  /** As Kubernetes writes it: `spec.matchers[0]`. */
  readonly path: string;
}

export type TriggerReading =
  | {
      readonly trigger: Trigger;
      /** What was changed to meet the limits, for its owner. */
      readonly notes: readonly string[];
    }
  /** Every problem. */
  | { readonly problems: readonly TriggerProblem[] };

/**
 * Reads the spec of a trigger. Never throws. Of a resource, unknown fields are the business of its schema; of the file they are
 * refused.
 */
export function readTrigger(identity: TriggerIdentity, spec: unknown, rules: TriggerRules): TriggerReading {
  if (isTooLarge(spec)) return { problems: [withPath({ keys: [], message: tooLarge })] };
  const limited = [...limitProblems(spec, rules.limits)];
  // Matchers that are too many or too large are not compiled at all.
  const parsed = TriggerSpec.safeParse(limited.length === 0 ? spec : withoutMatchers(spec));
  const fields = parsed.error?.issues.map(({ path, message }) => ({ keys: path.map(keyOf), message })) ?? [];
  const unknown = identity.origin === 'file' ? [...unknownFields(TriggerSpec, spec, [])] : [];
  const problems = withoutRepetition([...limited, ...fields, ...unknown, ...fieldsTogether(spec)]);
  const compiled = parsed.data;
  if (compiled === undefined || problems.length > 0) return { problems: problems.map(withPath) };
  const excess = [...matcherProblems(compiled, rules.limits)];
  if (excess.length > 0) return { problems: excess.map(withPath) };
  return compile(identity, compiled, rules);
}

/**
 * The most values of a spec, and the most characters of its keys and texts together. Every wrong value is a problem that is told, so
 * a spec of a million would hold the process for a minute.
 */
const maxValues = 5000;
const maxSpecCharacters = 256 * 1024;
const tooLarge = `found over ${maxValues} values or ${maxSpecCharacters} characters, allowed: a trigger that people can read`;

function isTooLarge(spec: unknown): boolean {
  const open: unknown[] = [spec];
  let [values, characters] = [0, 0];
  while (open.length > 0) {
    const value = open.pop();
    if (typeof value === 'string') characters += value.length;
    if (++values > maxValues || characters > maxSpecCharacters) return true;
    if (typeof value !== 'object' || value === null) continue;
    for (const key in value) {
      characters += key.length;
      open.push((value as Fields)[key]);
      if (open.length > maxValues) return true;
    }
  }
  return false;
}

type Fields = Readonly<Record<string, unknown>>;

function keyOf(key: PropertyKey): string | number {
  return typeof key === 'number' ? key : String(key);
}

function withoutMatchers(spec: unknown): unknown {
  return { ...(spec as object), matchers: undefined, inhibitedBy: undefined };
}

/** A field that is missing may be missed by the schema and by a rule between fields. */
function withoutRepetition(problems: readonly SpecProblem[]): readonly SpecProblem[] {
  const byPlace = new Map(problems.toReversed().map((problem) => [fieldPath(problem.keys), problem]));
  return problems.filter((problem) => byPlace.get(fieldPath(problem.keys)) === problem);
}

function withPath({ keys, message }: SpecProblem): TriggerProblem {
  return { keys, path: `spec${fieldPath(keys)}`, message };
}

function fieldPath(keys: SpecProblem['keys']): string {
  return keys.map((key) => (typeof key === 'number' ? `[${key}]` : `.${key}`)).join('');
}

/** The fields of a value that its schema does not know, each with the nearest one that it does know. */
export function* unknownFields(
  schema: unknown,
  value: unknown,
  keys: SpecProblem['keys'],
): Generator<SpecProblem, void> {
  const inner = innerSchema(schema);
  if (inner instanceof z.ZodArray && Array.isArray(value))
    for (const [index, item] of value.entries()) yield* unknownFields(inner.element, item, [...keys, index]);
  if (!(inner instanceof z.ZodObject) || typeof value !== 'object' || value === null || Array.isArray(value)) return;
  const shape = inner.shape as Readonly<Record<string, unknown>>;
  for (const [key, item] of Object.entries(value)) {
    if (Object.hasOwn(shape, key)) yield* unknownFields(shape[key], item, [...keys, key]);
    else {
      const names = Object.keys(shape);
      const message = withSuggestion('unknown field', nearestName(key, names), names.join(', '));
      yield { keys: [...keys, key], message };
    }
  }
}

/** The fields of a spec that this program knows. */
export function specFields(): readonly string[] {
  const inner = innerSchema(TriggerSpec);
  return inner instanceof z.ZodObject ? Object.keys(inner.shape) : [];
}

function innerSchema(schema: unknown): unknown {
  if (schema instanceof z.ZodOptional) return innerSchema(schema.def.innerType);
  if (schema instanceof z.ZodLazy) return innerSchema(schema.unwrap());
  return schema instanceof z.ZodPipe ? innerSchema(schema.def.in) : schema;
}

/** What shows only when they are compiled: one text may hold several matchers. */
function* matcherProblems(spec: ReadSpec, limits: TriggerLimits): Generator<SpecProblem, void> {
  const { matchers = [], inhibitedBy = [] } = spec;
  const all = [...matchers, ...inhibitedBy.flatMap((inhibition) => inhibition.matchers)].flat();
  const keys = ['matchers'];
  if (all.length > limits.maxMatchers)
    yield { keys, message: tooMany(all.length, 'matchers', limits.maxMatchers, 'max_matchers') };
  const instructions = instructionsOf(all);
  if (instructions > maxTriggerInstructions)
    yield {
      keys,
      message: `found regular expressions of ${instructions} instructions together, allowed: at most ${maxTriggerInstructions}, besides those that only list values, as in a|b; simplify them`,
    };
}

function compile(identity: TriggerIdentity, spec: ReadSpec, rules: TriggerRules): TriggerReading {
  const { namespace } = identity;
  const isScoped = namespace !== undefined && isEnforced(namespace, rules);
  const scope = isScoped ? new Matcher(rules.namespaceLabel, namespace, '=') : undefined;
  const floor = rules.limits.minIntervalMs;
  const asked = spec.minInterval ?? 0;
  const raised = `minInterval is raised from ${formatDuration(asked)} to ${formatDuration(floor)} (triggers.limits.min_interval)`;
  const trigger: Trigger = {
    ...identity,
    key: triggerKey(identity),
    ...(scope !== undefined && { scope }),
    matchers: [...(scope === undefined ? [] : [scope]), ...(spec.matchers ?? []).flat()],
    inhibitedBy: (spec.inhibitedBy ?? []).map(({ matchers, equal = [] }) => ({ matchers: matchers.flat(), equal })),
    targets: spec.targets.map((target) => compileTarget(target, namespace, rules.namespaceLabel)),
    action: compileAction(spec.action),
    minIntervalMs: Math.max(asked, floor),
    ...(spec.budget !== undefined && { budget: { runs: spec.budget.runs, perMs: spec.budget.per } }),
    mode: spec.mode ?? 'enforce',
    ...(spec.suspend !== undefined && { suspend: compileSuspension(spec.suspend) }),
  };
  return { trigger, notes: spec.minInterval !== undefined && asked < floor ? [raised] : [] };
}

function isEnforced(namespace: string, { strategy, receiverNamespace }: TriggerRules): boolean {
  if (strategy === 'None') return false;
  return strategy === 'OnNamespace' || namespace !== receiverNamespace;
}

function compileSuspension({ reason, until }: NonNullable<ReadSpec['suspend']>): NonNullable<Trigger['suspend']> {
  return { reason, ...(until !== undefined && { until }) };
}

/** The rules between fields have made sure that one of the three ways is there, with its kind. */
function compileTarget(target: ReadTarget, namespace: string | undefined, namespaceLabel: string): Target {
  const { apiVersion = '', kind = '', ownerOf, selector, name } = target;
  const place = target.namespace === undefined ? {} : { namespace: target.namespace };
  if (ownerOf !== undefined) {
    // A pod has a namespace: that of the trigger, else that of the alert.
    const alerting =
      namespace === undefined ? compileTemplate(`{{ labels[${JSON.stringify(namespaceLabel)}] }}`) : undefined;
    const where = target.namespace ?? alerting;
    const { pod, kind: ownerKind } = ownerOf;
    return {
      by: 'owner',
      pod,
      ...(where !== undefined && { namespace: where }),
      ...(ownerKind !== undefined && { kind: ownerKind }),
    };
  }
  if (selector !== undefined) return { by: 'selector', apiVersion, kind, ...place, selector };
  return { by: 'name', apiVersion, kind, ...place, name: name! };
}

interface Annotation {
  readonly key: string;
  readonly value: Template;
  readonly on: 'object' | 'podTemplate';
}

const now = compileTemplate('{{ now }}');

/** What other controllers wait for; docs/drive-other-controllers.md says where each of them documents it. */
const presets: Readonly<Record<PresetName, Annotation>> = {
  flux: { key: 'reconcile.fluxcd.io/requestedAt', value: now, on: 'object' },
  argocd: { key: 'argocd.argoproj.io/refresh', value: compileTemplate('normal'), on: 'object' },
  crossplane: { key: 'crossplane.io/reconcile-requested-at', value: now, on: 'object' },
  'external-secrets': { key: 'force-sync', value: now, on: 'object' },
  restart: { key: 'kubectl.kubernetes.io/restartedAt', value: now, on: 'podTemplate' },
};

function compileAction({ condition, annotate }: ReadSpec['action']): TriggerAction {
  if (condition !== undefined)
    return { do: 'condition', ...(condition.type !== undefined && { type: condition.type }) };
  if (annotate === undefined) return { do: 'log' };
  if (annotate.preset !== undefined) return { do: 'annotate', ...presets[annotate.preset] };
  return { do: 'annotate', key: annotate.key!, value: annotate.value!, on: 'object' };
}
