import type { KymaKind } from '../reconcile/kyma-kinds.ts';
import type { Pipeline } from '../reconcile/ports.ts';

/** Kinds of pipeline that can fail in different ways: each has its own alerts, reasons and messages. */
export type Flavour = 'trace' | 'metric' | 'log-otlp' | 'log-fluent-bit';

/** The part of the data path that is checked. Fluent Bit counts as an agent. */
export type Component = 'gateway' | 'agent';

/**
 * The flavour of a pipeline, by its kind and, for a LogPipeline, by its output; undefined for any other kind, which has no health
 * rules. The rule is Kyma's: OTLP if `spec.output.otlp` is present, else Fluent Bit.
 */
export function flavourOf({ kind, spec }: Pick<Pipeline, 'kind' | 'spec'>): Flavour | undefined {
  return Object.hasOwn(flavours, kind) ? flavours[kind as KymaKind](spec) : undefined;
}

const flavours: Readonly<Record<KymaKind, (spec: Pipeline['spec']) => Flavour>> = {
  TracePipeline: () => 'trace',
  MetricPipeline: () => 'metric',
  LogPipeline: (spec) => (isPresent(spec['output'], 'otlp') ? 'log-otlp' : 'log-fluent-bit'),
};

/**
 * The components whose alerts concern a pipeline, in the order in which Kyma probes them; none for another kind. At equal
 * severity, the problem of the earlier component is reported.
 */
export function probedComponents(pipeline: Pick<Pipeline, 'kind' | 'spec'>): readonly Component[] {
  switch (flavourOf(pipeline)) {
    case 'trace':
      return ['gateway'];
    case 'metric':
      return ['gateway', 'agent'];
    case 'log-otlp':
      return probedByInput(pipeline.spec['input']);
    case 'log-fluent-bit':
      return ['agent'];
    case undefined:
      return [];
  }
}

/** An input counts if it is present, enabled or not. If neither is given, Kyma's defaults add both. */
function probedByInput(input: unknown): readonly Component[] {
  // v1alpha1 calls the runtime input `application`.
  const runtime = isPresent(input, 'runtime') || isPresent(input, 'application');
  const otlp = isPresent(input, 'otlp');
  if (runtime === otlp) return ['agent', 'gateway'];
  return runtime ? ['agent'] : ['gateway'];
}

/** True if a mapping has the key. A key without a value (YAML's `otlp:`) is absent, as in Kubernetes. */
function isPresent(mapping: unknown, key: string): boolean {
  if (typeof mapping !== 'object' || mapping === null || !Object.hasOwn(mapping, key)) return false;
  return ((mapping as Record<string, unknown>)[key] ?? undefined) !== undefined;
}
