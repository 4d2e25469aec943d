import type { FlagValues } from '../config/flags/arguments.ts';
import { formatDuration } from '../config/settings/duration.ts';
import { pipelineTypes } from '../routes/route-pipeline.ts';
import type { SpecKind } from '../routes/read-routes.ts';
import { latencyUnits, type Quantile } from '../routes/route-queries.ts';
import type { Thresholds } from '../routes/route-rules.ts';
import { generateFlags } from './generate-flags.ts';
import { UsageError } from './command.ts';

export type GenerateValues = FlagValues<typeof generateFlags>;

interface Source {
  readonly kind: SpecKind;
  readonly paths: readonly string[];
}

/** Which files to read. Throws UsageError. */
export function sourceOf({ openApi = [], proto = [], serviceProfile }: GenerateValues): Source {
  const given: Source[] = [
    { kind: 'open-api' as const, paths: openApi },
    { kind: 'proto' as const, paths: proto },
    { kind: 'service-profile' as const, paths: serviceProfile === undefined ? [] : [serviceProfile] },
  ].filter(({ paths }) => paths.length > 0);
  const [source, ...others] = given;
  if (source === undefined || others.length > 0)
    throw new UsageError(
      `rules generate: ${given.length === 0 ? 'no file' : `files of ${given.length} kinds`}, allowed: one of --open-api, --proto, --service-profile`,
    );
  if (source.paths.filter((path) => path === '-').length > 1)
    throw new UsageError(`--${source.kind}=-: given twice, allowed: standard input once`);
  return source;
}

/** Throws UsageError with every problem. */
export function checkUsage(values: GenerateValues, kind: SpecKind): void {
  const problems = [
    ...sourceProblems(values, kind),
    ...outputProblems(values),
    ...thresholdProblems(values),
    ...pipelineProblems(values),
  ];
  if (problems.length > 0) throw new UsageError(...problems);
}

function* sourceProblems(values: GenerateValues, kind: SpecKind): Generator<string> {
  const ofProfile = (['service', 'namespace', 'clusterDomain'] as const).filter((key) => values[key] !== undefined);
  if (kind === 'service-profile')
    for (const key of ofProfile)
      yield `--${generateFlags[key].name}: the ServiceProfile names its service, allowed: with --open-api or --proto`;
  else if (values.service === undefined)
    yield '--service: missing, allowed: --service=NAME, the service that has the routes';
  if (kind !== 'open-api' && values.basePath !== undefined) yield '--base-path: allowed: with --open-api';
}

function* outputProblems({ emit, output, objectNamespace, label }: GenerateValues): Generator<string> {
  const isObject = output === 'configmap' || output === 'prometheusrule';
  if (emit === 'service-profile' && (isObject || output === 'rules'))
    yield `--output=${output}: not of a ServiceProfile, allowed: yaml, json`;
  else if (!isObject && (objectNamespace !== undefined || label !== undefined))
    yield '--object-namespace, --label: a file has none, allowed: with -o configmap or -o prometheusrule';
}

function* pipelineProblems({ pipelineType: type, pipelineName }: GenerateValues): Generator<string> {
  const isKyma = type !== undefined && pipelineTypes.includes(type.toLowerCase());
  if (type !== undefined && !isKyma && pipelineName === undefined)
    yield `--pipeline-type=${type}: a kind of another controller wakes every pipeline, allowed: beside --pipeline-name`;
}

const quantileFlags = [
  ['p50', '0.5'],
  ['p95', '0.95'],
  ['p99', '0.99'],
] as const satisfies readonly (readonly [keyof GenerateValues, Quantile])[];

/** No quantile is above the largest bucket: the rule could never fire. */
function* thresholdProblems({ metrics = 'linkerd', emit, ...values }: GenerateValues): Generator<string> {
  const largest = latencyUnits[metrics].buckets.at(-1)!;
  for (const [key] of quantileFlags) {
    const ms = values[key];
    if (ms === undefined || ms < largest) continue;
    const shown = formatDuration(largest);
    yield `--${key}=${formatDuration(ms)}: cannot fire, allowed: less than ${shown}, the largest bucket of --metrics=${metrics}`;
  }
  const { success, rps, latency } = thresholdsOf(values);
  if (emit !== 'service-profile' && success === undefined && rps === undefined && latency.size === 0)
    yield '--success=off: no rule is left, allowed: with --p50, --p95, --p99 or --rps';
}

/** Between two buckets a quantile is a guess. Those of a ServiceProfile are so narrow that it does not matter. */
export function latencyNotes({ metrics = 'linkerd', emit, ...values }: GenerateValues): string[] {
  const { buckets } = latencyUnits[metrics];
  if (metrics === 'linkerd' || emit === 'service-profile') return [];
  return quantileFlags.flatMap(([key]) => {
    const ms = values[key];
    if (ms === undefined || buckets.includes(ms)) return [];
    const above = buckets.find((bucket) => bucket > ms)!;
    const below = buckets.findLast((bucket) => bucket < ms) ?? 0;
    return [
      `--${key}=${formatDuration(ms)}: requests from ${formatDuration(below)} to ${formatDuration(above)} are one bucket of --metrics=gateway, so the rule guesses between them; ${buckets.map(formatDuration).slice(0, -1).join(', ')} are exact`,
    ];
  });
}

/** With the defaults of the flags. */
export function thresholdsOf(values: GenerateValues): Thresholds {
  const { success = 0.9, rps, minRps = 0.1, window = 300_000, rpsWindow = window } = values;
  return {
    success: success === 'off' ? undefined : success,
    rps,
    latency: new Map(
      quantileFlags.flatMap(([key, quantile]) => (values[key] === undefined ? [] : [[quantile, values[key]]])),
    ),
    minRps,
    window,
    rpsWindow,
    for: values.for ?? 120_000,
  };
}
