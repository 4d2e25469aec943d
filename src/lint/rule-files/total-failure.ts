import { bare, walk, type Binary, type Expression, type Selector } from '../../promql/expression.ts';
import { decisiveComparisons } from './comparison.ts';

/** The part of an expression that gives nothing when nothing succeeds. */
interface Vanishing {
  readonly part: Expression;
  /** The label by which it chooses what succeeded. */
  readonly label: string;
}

/**
 * Finds `succeeded / total < 0.9`, and the same written as `1 - succeeded / total > 0.1`: where nothing succeeds, there is no series
 * of successes, so that the quotient is empty and the alert is silent at the worst of all times. An `or` may take care of that.
 */
export function* totalFailureOf(expression: Expression): Generator<Vanishing> {
  if (hasOr(expression)) return;
  for (const { operator, compared } of decisiveComparisons(expression)) {
    const quotient = operator.startsWith('<')
      ? quotientOf(compared)
      : operator.startsWith('>')
        ? complementOf(compared)
        : undefined;
    if (quotient === undefined) continue;
    const label = choosingLabel(quotient.left, quotient.right);
    if (label !== undefined) yield { part: quotient.left, label };
  }
}

function hasOr(expression: Expression): boolean {
  return [...walk(expression)].some((part) => part.type === 'binary' && part.operator === 'or');
}

type Quotient = Pick<Binary, 'left' | 'right'>;

/** `a / b`, also if it is a percentage. */
function quotientOf(expression: Expression): Quotient | undefined {
  const part = bare(expression);
  if (part.type !== 'binary') return undefined;
  const [left, right] = [bare(part.left), bare(part.right)];
  if (part.operator === '/') return right.type === 'number' ? quotientOf(left) : { left: scaled(left), right };
  if (part.operator !== '*') return undefined;
  return right.type === 'number' ? quotientOf(left) : left.type === 'number' ? quotientOf(right) : undefined;
}

function scaled(expression: Expression): Expression {
  const part = bare(expression);
  if (part.type !== 'binary' || part.operator !== '*') return part;
  const [left, right] = [bare(part.left), bare(part.right)];
  return left.type === 'number' ? right : right.type === 'number' ? left : part;
}

/** `1 - a / b` and `(b - a) / b`, as the quotient of a and b. */
function complementOf(expression: Expression): Quotient | undefined {
  const part = bare(expression);
  if (part.type !== 'binary') return undefined;
  if (part.operator === '-' && bare(part.left).type === 'number') return quotientOf(part.right);
  const quotient = quotientOf(part);
  if (quotient === undefined) return part.operator === '*' ? scaledComplement(part) : undefined;
  const difference = bare(quotient.left);
  if (difference.type !== 'binary' || difference.operator !== '-') return undefined;
  return { left: bare(difference.right), right: bare(difference.left) };
}

/** `100 * (1 - a / b)` */
function scaledComplement(part: Binary): Quotient | undefined {
  const inner = scaled(part);
  return inner === part ? undefined : complementOf(inner);
}

/** The label by which the first expression chooses a part of the same metrics that the second one has. */
function choosingLabel(part: Expression, whole: Expression): string | undefined {
  const [chosen, all] = [selectorsOf(part), selectorsOf(whole)];
  const [first] = chosen;
  if (first === undefined || all.length === 0) return undefined;
  const isPart = chosen.every(({ name }) => name !== undefined && all.some((other) => other.name === name));
  return isPart
    ? first.matchers.find(({ label }) => !all.some((other) => hasMatcherOf(other, label)))?.label
    : undefined;
}

function hasMatcherOf({ matchers }: Selector, label: string): boolean {
  return matchers.some((matcher) => matcher.label === label);
}

function selectorsOf(expression: Expression): readonly Selector[] {
  return [...walk(expression)].filter((part) => part.type === 'selector');
}
