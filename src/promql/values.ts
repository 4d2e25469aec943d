import { bare, comparisons, setOperators, typeOf, type Binary, type Call, type Expression } from './expression.ts';

/** The least and the greatest value that an expression can have. NaN is left out of account: no comparison but `!=` takes it. */
export interface Values {
  readonly least: number;
  readonly most: number;
}

const anything: Values = { least: -Infinity, most: Infinity };
const notNegative: Values = { least: 0, most: Infinity };

/** What a condition does, whatever the metrics are: `never` gives a series, or `always` does where there is one. */
export type Outcome = 'always' | 'never';

/** The outcome of the condition of an alert; undefined if it depends on the values of the metrics. */
export function outcomeOf(expression: Expression): Outcome | undefined {
  const condition = bare(expression);
  if (condition.type !== 'binary') return undefined;
  const { operator, left, right, bool } = condition;
  if (operator === 'and') return outcomeOf(left) === 'never' || outcomeOf(right) === 'never' ? 'never' : undefined;
  if (operator === 'or') return outcomeOf(left) === 'never' && outcomeOf(right) === 'never' ? 'never' : undefined;
  if (operator === 'unless') return outcomeOf(left) === 'never' ? 'never' : undefined;
  // A comparison with bool gives 0 or 1, and both are a series.
  if (comparisons.has(operator)) return bool ? 'always' : compare(operator, valuesOf(left), valuesOf(right));
  return undefined;
}

function compare(operator: string, left: Values, right: Values): Outcome | undefined {
  switch (operator) {
    case '<':
      return order(left, right, false);
    case '<=':
      return order(left, right, true);
    case '>':
      return order(right, left, false);
    case '>=':
      return order(right, left, true);
    default:
      return equality(operator, left, right);
  }
}

/** Whether the first is less than the second, or equal if that counts. */
function order(first: Values, second: Values, orEqual: boolean): Outcome | undefined {
  if (orEqual ? first.most <= second.least : first.most < second.least)
    return isFinitePair(first, second) ? 'always' : undefined;
  return (orEqual ? first.least > second.most : first.least >= second.most) && isFinitePair(second, first)
    ? 'never'
    : undefined;
}

/** An infinite bound that meets an infinite bound says nothing. */
function isFinitePair({ most }: Values, { least }: Values): boolean {
  return Number.isFinite(most) && Number.isFinite(least);
}

function equality(operator: string, left: Values, right: Values): Outcome | undefined {
  const isApart = left.most < right.least || left.least > right.most;
  const isSame = left.least === left.most && right.least === right.most && left.least === right.least;
  if (isApart) return operator === '==' ? 'never' : 'always';
  if (isSame) return operator === '==' ? 'always' : 'never';
  return undefined;
}

/** The values that an expression can have. */
export function valuesOf(expression: Expression): Values {
  const inner = bare(expression);
  switch (inner.type) {
    case 'number':
      return { least: inner.value, most: inner.value };
    case 'selector':
      return inner.name === 'up' ? { least: 0, most: 1 } : anything;
    case 'range':
      return valuesOf(inner.selector);
    case 'subquery':
      return valuesOf(inner.expression);
    case 'aggregation':
      return valuesOfAggregation(inner.operator, valuesOf(inner.expression));
    case 'call':
      return valuesOfCall(inner);
    case 'binary':
      return valuesOfBinary(inner);
    default:
      return anything;
  }
}

function valuesOfAggregation(operator: string, inner: Values): Values {
  if (operator === 'count' || operator === 'count_values') return { least: 1, most: Infinity };
  if (operator === 'group') return { least: 1, most: 1 };
  if (operator === 'stddev' || operator === 'stdvar') return notNegative;
  if (operator === 'sum') return inner.least >= 0 ? { least: inner.least, most: Infinity } : anything;
  return operator === 'quantile' ? anything : inner;
}

const counters: ReadonlySet<string> = new Set([
  'rate',
  'increase',
  'irate',
  'changes',
  'resets',
  'abs',
  'sqrt',
  'stddev_over_time',
  'stdvar_over_time',
]);
const one: ReadonlySet<string> = new Set(['absent', 'absent_over_time', 'present_over_time']);
const keepsValues: ReadonlySet<string> = new Set(
  'avg_over_time min_over_time max_over_time last_over_time first_over_time sort sort_desc label_replace label_join scalar vector'.split(
    ' ',
  ),
);

function valuesOfCall({ function: { name }, args }: Call): Values {
  if (one.has(name)) return { least: 1, most: 1 };
  if (name === 'count_over_time') return { least: 1, most: Infinity };
  if (counters.has(name)) return notNegative;
  const [first] = args;
  return keepsValues.has(name) && first !== undefined ? valuesOf(first) : anything;
}

function valuesOfBinary(binary: Binary): Values {
  const { operator, left, right, bool } = binary;
  if (comparisons.has(operator))
    return bool ? { least: 0, most: 1 } : valuesOf(typeOf(left) === 'scalar' ? right : left);
  if (operator === 'or') return union(valuesOf(left), valuesOf(right));
  return setOperators.has(operator) ? valuesOf(left) : anything;
}

function union(first: Values, second: Values): Values {
  return { least: Math.min(first.least, second.least), most: Math.max(first.most, second.most) };
}
