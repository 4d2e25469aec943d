export type ValueType = 'scalar' | 'instant vector' | 'range vector' | 'string';

export interface PromqlFunction {
  readonly name: string;
  readonly parameters: readonly ValueType[];
  /** How many of the parameters may be left out, or how often the last may be repeated: at least and at most. */
  readonly least: number;
  readonly most: number;
  readonly result: ValueType;
  /** The version of Prometheus that was the first to have it, if that is newer than 2.42. */
  readonly since: string | undefined;
  /** Prometheus has it only with `--enable-feature=promql-experimental-functions`. */
  readonly isExperimental: boolean;
}

const types: Readonly<Record<string, ValueType>> = {
  n: 'scalar',
  v: 'instant vector',
  m: 'range vector',
  s: 'string',
};

/**
 * All functions as `parameters→result` (n a number, v an instant vector, m a range vector, s a string). What is behind `?` may be left
 * out, and `*` repeats the last one (promql/parser/functions.go, 3.15).
 */
const signatures: Readonly<Record<string, string>> = {
  'v→v':
    'abs absent acos acosh asin asinh atan atanh ceil cos cosh deg exp floor histogram_avg histogram_count histogram_stddev ' +
    'histogram_stdvar histogram_sum ln log10 log2 rad sgn sin sinh sort sort_desc sqrt tan tanh timestamp start_timestamp',
  'm→v':
    'absent_over_time avg_over_time changes count_over_time delta deriv first_over_time idelta increase irate last_over_time ' +
    'mad_over_time max_over_time min_over_time present_over_time rate resets stddev_over_time stdvar_over_time sum_over_time ' +
    'ts_of_first_over_time ts_of_last_over_time ts_of_max_over_time ts_of_min_over_time',
  '?v→v': 'day_of_month day_of_week day_of_year days_in_month hour minute month year',
  'vnn→v': 'clamp',
  'vn→v': 'clamp_max clamp_min',
  'mnn→v': 'double_exponential_smoothing',
  'nnv→v': 'histogram_fraction',
  'nv→v': 'histogram_quantile',
  'vsnn*→v': 'histogram_quantiles',
  'v?v→v': 'info',
  'vssss→v': 'label_replace',
  'vsss*→v': 'label_join',
  'nn→n': 'max_of min_of',
  '→n': 'end pi range start step time',
  'mn→v': 'predict_linear',
  'nm→v': 'quantile_over_time',
  'v?n→v': 'round',
  'v→n': 'scalar',
  'vs*→v': 'sort_by_label sort_by_label_desc',
  'n→v': 'vector',
};

const newer: Readonly<Record<string, string>> = {
  '2.47': 'histogram_stddev histogram_stdvar',
  '2.51': 'histogram_avg',
  '3.14': 'first_over_time',
};

const experimental: ReadonlySet<string> = new Set(
  (
    'double_exponential_smoothing end histogram_quantiles info mad_over_time max_of min_of range sort_by_label sort_by_label_desc ' +
    'start start_timestamp step ts_of_first_over_time ts_of_last_over_time ts_of_max_over_time ts_of_min_over_time'
  ).split(' '),
);

/** Functions that Prometheus had, and what took their place. */
export const renamedFunctions: ReadonlyMap<string, string> = new Map([
  ['holt_winters', 'double_exponential_smoothing'],
]);

export const functions: ReadonlyMap<string, PromqlFunction> = new Map(
  Object.entries(signatures).flatMap(([signature, names]) =>
    names.split(' ').map((name) => [name, createFunction(name, signature)] as const),
  ),
);

function createFunction(name: string, signature: string): PromqlFunction {
  const [letters = '', result = ''] = signature.split('→');
  const parameters = letters.split('').flatMap((letter) => types[letter] ?? []);
  const optional = letters.includes('?') ? letters.length - 1 - letters.indexOf('?') : 0;
  const repeats = letters.endsWith('*');
  return {
    name,
    parameters,
    least: parameters.length - optional - (repeats ? 1 : 0),
    most: repeats ? maxRepeated(name, parameters.length) : parameters.length,
    result: types[result]!,
    since: Object.entries(newer).find(([, names]) => names.split(' ').includes(name))?.[0],
    isExperimental: experimental.has(name),
  };
}

function maxRepeated(name: string, parameters: number): number {
  return name === 'histogram_quantiles' ? parameters + 8 : Infinity;
}
