import {
  setOperators,
  typeOf,
  type Aggregation,
  type Binary,
  type Call,
  type Expression,
  type Matching,
} from './expression.ts';

/** The labels that a result may have: these and no others, or all but these. */
export interface Labels {
  readonly kind: 'only' | 'all but';
  readonly names: ReadonlySet<string>;
}

const none: Labels = { kind: 'only', names: new Set() };
const any: Labels = { kind: 'all but', names: new Set() };

/** Says which labels the series that an expression gives may have. Those of the metrics themselves are not known. */
export function labelsOf(expression: Expression): Labels {
  switch (expression.type) {
    case 'selector':
      return any;
    case 'range':
      return labelsOf(expression.selector);
    case 'subquery':
    case 'parentheses':
      return labelsOf(expression.expression);
    case 'unary':
      return labelsOf(expression.operand);
    case 'aggregation':
      return labelsOfAggregation(expression);
    case 'call':
      return labelsOfCall(expression);
    case 'binary':
      return labelsOfBinary(expression);
    case 'number':
    case 'string':
      return none;
  }
}

export function mayHave({ kind, names }: Labels, label: string): boolean {
  return names.has(label) === (kind === 'only');
}

const keepsSeries: ReadonlySet<string> = new Set(['topk', 'bottomk', 'limitk', 'limit_ratio']);

function labelsOfAggregation({ operator, grouping, parameter, expression }: Aggregation): Labels {
  const inner = labelsOf(expression);
  if (keepsSeries.has(operator)) return inner;
  const kept =
    grouping === undefined
      ? none
      : grouping.kind === 'by'
        ? keep(inner, grouping.labels)
        : drop(inner, grouping.labels);
  return operator === 'count_values' && parameter?.type === 'string' ? add(kept, [parameter.value]) : kept;
}

function labelsOfCall({ function: { name }, args }: Call): Labels {
  const [first] = args;
  if (name === 'absent' || name === 'absent_over_time') return labelsOfAbsent(first);
  const argument = args.find((each) => typeOf(each) === 'instant vector' || typeOf(each) === 'range vector');
  if (argument === undefined || name === 'scalar') return none;
  const labels = labelsOf(argument);
  if (name === 'histogram_quantile' || name === 'histogram_fraction') return drop(labels, ['le']);
  const [, written] = args;
  if ((name === 'label_replace' || name === 'label_join') && written?.type === 'string')
    return add(labels, [written.value]);
  return name === 'info' ? any : labels;
}

/** Of a metric that is not there only what the selector says is known. */
function labelsOfAbsent(argument: Expression | undefined): Labels {
  const selector = argument?.type === 'range' ? argument.selector : argument;
  if (selector?.type !== 'selector') return none;
  const equal = selector.matchers.filter(({ operator }) => operator === '=').map(({ label }) => label);
  return { kind: 'only', names: new Set(equal.filter((label, index) => equal.indexOf(label) === index)) };
}

function labelsOfBinary(binary: Binary): Labels {
  const { operator, matching, left, right } = binary;
  if (typeOf(left) !== 'instant vector') return labelsOf(right);
  if (typeOf(right) !== 'instant vector') return labelsOf(left);
  if (operator === 'or') return either(labelsOf(left), labelsOf(right));
  if (setOperators.has(operator)) return labelsOf(left);
  const many = matching.group === 'group_right' ? right : left;
  return labelsOfMatch(labelsOf(many), matching);
}

function labelsOfMatch(many: Labels, { kind, labels, group, included }: Matching): Labels {
  if (group !== undefined) return add(many, included);
  if (kind === undefined) return many;
  return kind === 'on' ? keep(many, labels) : drop(many, labels);
}

function keep(labels: Labels, kept: readonly string[]): Labels {
  return { kind: 'only', names: new Set(kept.filter((label) => mayHave(labels, label))) };
}

function drop({ kind, names }: Labels, dropped: readonly string[]): Labels {
  if (kind === 'all but') return { kind, names: new Set([...names, ...dropped]) };
  return { kind, names: new Set([...names].filter((label) => !dropped.includes(label))) };
}

function add({ kind, names }: Labels, added: readonly string[]): Labels {
  if (kind === 'only') return { kind, names: new Set([...names, ...added]) };
  return { kind, names: new Set([...names].filter((label) => !added.includes(label))) };
}

function either(one: Labels, other: Labels): Labels {
  if (one.kind === 'only') return other.kind === 'only' ? add(one, [...other.names]) : add(other, [...one.names]);
  const names =
    other.kind === 'only'
      ? [...one.names].filter((label) => !other.names.has(label))
      : [...one.names].filter((label) => other.names.has(label));
  return { kind: 'all but', names: new Set(names) };
}
