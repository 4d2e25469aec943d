import * as z from 'zod';
import { isDnsLabel, isDnsSubdomain, dnsLabelRule, dnsSubdomainRule, isLabelKey } from '../text/kubernetes.ts';
import { checkedText, listField, mapField } from '../trigger/fields.ts';
import { LabelSelectorField } from '../trigger/label-selector.ts';
import {
  matcherStrategies,
  readTrigger,
  unknownFields,
  type TriggerProblem,
  type TriggerReading,
  type TriggerRules,
} from '../trigger/read-trigger.ts';
import type { LabelSelector } from '../trigger/trigger.ts';
import type { AllowedTarget } from '../trigger/reach.ts';
import { describeRefusal, type Reader } from './settings/reader.ts';
import { listOf, section, setting } from './settings/setting.ts';
import { orNull, readChoice, readCount, readDuration, readNames } from './settings/value-readers.ts';

/** An entry of `triggers.list`. It has been checked, and is compiled by whoever knows in which namespace Tocsin runs. */
export interface FileTrigger {
  readonly name: string;
  /** With it, the entry behaves as an AlertTrigger of that namespace. */
  readonly namespace?: string;
  /** The other fields: those of `spec` of a resource. */
  readonly spec: Readonly<Record<string, unknown>>;
}

type Issues = z.RefinementCtx;

/** A value that is a map of the custom resources: their schema reads it, and here what it does not know is refused. */
function resourceField<Schema extends z.ZodType>(
  schema: Schema,
): z.ZodPipe<z.ZodUnknown, z.ZodTransform<z.output<Schema>, unknown>> {
  return z.unknown().transform((found, context): z.output<Schema> => {
    const parsed = schema.safeParse(found);
    for (const { path, message } of parsed.error?.issues ?? []) addIssue(context, [...path], message);
    for (const { keys, message } of unknownFields(schema, found, [])) addIssue(context, [...keys], message);
    return parsed.success ? parsed.data : z.NEVER;
  });
}

function addIssue(context: Issues, path: PropertyKey[], message: string): void {
  // What is missing has no default that could be wrong.
  context.addIssue({ code: 'custom', path, message, params: { isMissing: message.startsWith('missing') } });
}

const allowedTarget = z.lazy(() =>
  mapField(
    {
      group: checkedText((text) => text === '' || isDnsSubdomain(text), '', 'an API group, "" for the core group'),
      kind: checkedText((text) => /^[A-Z]\w*$/.test(text), '', 'the name of a kind, as in Application'),
      namespaces: listField(
        checkedText(isDnsLabel, '', dnsLabelRule),
        '',
        'a list of namespaces of the objects',
      ).optional(),
      selector: LabelSelectorField.optional(),
    },
    '',
  ).transform(({ group, kind, namespaces, selector }): AllowedTarget => {
    return {
      group,
      kind,
      ...(namespaces !== undefined && { namespaces }),
      ...(selector !== undefined && { selector }),
    };
  }),
);

const readNamespace: Reader<string> = (found) =>
  typeof found === 'string' && isDnsLabel(found) ? { value: found } : { allowed: dnsLabelRule };

const readLabelName: Reader<string> = (found) =>
  typeof found === 'string' && /^[a-zA-Z_]\w*$/.test(found)
    ? { value: found }
    : { allowed: 'the name of a label of alerts, as in namespace' };

const readLabelKey: Reader<string> = (found) =>
  typeof found === 'string' && isLabelKey(found)
    ? { value: found }
    : { allowed: 'the key of a label of namespaces, as in example.com/triggers, or null' };

/** The rules that hold for an entry whatever the limits are; these are checked when they are known. */
const anyLimits: TriggerRules = {
  limits: { minIntervalMs: 0, maxMatchers: Number.POSITIVE_INFINITY, maxTargets: Number.POSITIVE_INFINITY },
  namespaceLabel: 'namespace',
  strategy: 'OnNamespace',
  receiverNamespace: undefined,
};

const isMap = (found: unknown): found is Readonly<Record<string, unknown>> =>
  typeof found === 'object' && found !== null && !Array.isArray(found);

function readEntry(found: unknown, index: number, context: Issues): FileTrigger {
  const allowed = 'a map with a name and the fields of the spec of an AlertTrigger';
  if (!isMap(found)) {
    addIssue(context, [index], describeRefusal(found, { allowed }));
    return z.NEVER;
  }
  const { name, namespace, ...spec } = found;
  if (typeof name !== 'string' || !isDnsSubdomain(name))
    addIssue(context, [index, 'name'], describeRefusal(name, { allowed: dnsSubdomainRule }));
  if (namespace !== undefined && !('value' in readNamespace(namespace)))
    addIssue(context, [index, 'namespace'], describeRefusal(namespace, { allowed: dnsLabelRule }));
  const entry = { name: String(name), ...(typeof namespace === 'string' && { namespace }), spec };
  for (const { keys, message } of entryProblems(entry, anyLimits)) addIssue(context, [index, ...keys], message);
  return entry;
}

function entryProblems({ name, namespace, spec }: FileTrigger, rules: TriggerRules): readonly TriggerProblem[] {
  return problemsOf(
    readTrigger({ origin: 'file', name, ...(namespace !== undefined && { namespace }), generation: 0 }, spec, rules),
  );
}

function problemsOf(reading: TriggerReading): readonly TriggerProblem[] {
  return 'problems' in reading ? reading.problems : [];
}

const list = z
  .unknown()
  .transform((found, context): readonly FileTrigger[] => {
    if (found === null) return [];
    if (!Array.isArray(found)) {
      addIssue(context, [], describeRefusal(found, { allowed: 'a list of triggers' }));
      return z.NEVER;
    }
    const entries = found.map((entry, index) => readEntry(entry, index, context));
    for (const [index, entry] of entries.entries()) {
      const first = entries.findIndex((each) => isMap(each) && isMap(entry) && isSame(each, entry));
      if (first < index && first !== -1)
        addIssue(
          context,
          [index, 'name'],
          `found the name of the entry ${first + 1}, allowed: each name once in a namespace`,
        );
    }
    return entries;
  })
  .prefault(null);

function isSame(one: FileTrigger, other: FileTrigger): boolean {
  return one.name === other.name && one.namespace === other.namespace;
}

const withinLimits = z.check<TriggersConfig>(({ value, issues }) => {
  for (const [index, entry] of value.list.entries())
    for (const { keys, message } of entryProblems(entry, triggerRules(value, undefined)))
      issues.push({ code: 'custom', input: entry.spec, path: ['list', index, ...keys], message });
});

/** Who may wake what. */
export const TriggersSection = section(
  {
    /** Whether `source.select` and `controller.action` hold; `auto`: unless the admin has declared a trigger. */
    default: setting(readChoice(['auto', 'always', 'never']), 'auto'),
    /** Whose AlertTriggers are taken; `labelled`: those of the namespaces that `namespace_selector` selects. */
    from_namespaces: setting(readChoice(['none', 'labelled', 'all']), 'none'),
    namespace_selector: resourceField(LabelSelectorField).default({ matchLabels: { 'tocsin.dev/triggers': 'true' } }),
    exclude_namespaces: listOf(readNamespace, { allowed: 'a list of names of namespaces' }),
    /** A namespace with this label and the value `false` opts out. Null: none can. */
    opt_out_label: setting(orNull(readLabelKey), 'openshift.io/user-monitoring'),
    /** The label of an alert that names its namespace. Only what Prometheus enforces may be trusted. */
    namespace_label: setting(readLabelName, 'namespace'),
    /** Which triggers see the alerts of their own namespace only. */
    matcher_strategy: setting(readChoice(matcherStrategies), 'OnNamespace'),
    allowed_targets: resourceField(
      listField(allowedTarget, '', 'a list of kinds, as in [{group: apps, kind: Deployment}]'),
    ).default([]),
    limits: section({
      /** A shorter interval, or none, is raised to it. */
      min_interval: setting(readDuration('0s', '1w'), '1s'),
      /** The newest AlertTriggers over it are refused. */
      max_per_namespace: setting(readCount, 50),
      max_matchers: setting(readCount, 20),
      max_targets: setting(readCount, 20),
    }),
    /** The values of the label `severity`, the worst first. */
    severities: setting(readNames, ['critical', 'error', 'warning', 'info']),
    list,
  },
  withinLimits,
);

export interface TriggersConfig {
  readonly default: 'auto' | 'always' | 'never';
  readonly from_namespaces: 'none' | 'labelled' | 'all';
  readonly namespace_selector: LabelSelector;
  readonly exclude_namespaces: readonly string[];
  readonly opt_out_label: string | null;
  readonly namespace_label: string;
  readonly matcher_strategy: TriggerRules['strategy'];
  readonly allowed_targets: readonly AllowedTarget[];
  readonly limits: {
    readonly min_interval: number;
    readonly max_per_namespace: number;
    readonly max_matchers: number;
    readonly max_targets: number;
  };
  readonly severities: readonly string[];
  readonly list: readonly FileTrigger[];
}

/** What {@link readTrigger} has to know. @param receiverNamespace where Tocsin runs; undefined without a cluster */
export function triggerRules(triggers: TriggersConfig, receiverNamespace: string | undefined): TriggerRules {
  const { limits, namespace_label: namespaceLabel, matcher_strategy: strategy } = triggers;
  const { min_interval: minIntervalMs, max_matchers: maxMatchers, max_targets: maxTargets } = limits;
  return { limits: { minIntervalMs, maxMatchers, maxTargets }, namespaceLabel, strategy, receiverNamespace };
}

const readShare: Reader<number> = (found) =>
  typeof found === 'number' && found > 0 && found <= 1 ? { value: found } : { allowed: 'a number over 0 and up to 1' };

/** When an event that concerns very many objects is paced. */
export const StormSection = section({
  /** The part of the objects that one event has to concern. */
  share: setting(readShare, 0.5),
  /** With fewer objects than this there is no storm. */
  objects: setting(readCount, 100),
  /** Runs per second. */
  rate: setting(readCount, 10),
});
