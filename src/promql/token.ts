/** A part of an expression, as offsets into its text; `to` is behind the last character. */
export interface Span {
  readonly from: number;
  readonly to: number;
}

/** What is wrong with an expression, and where. The words are those of promtool, where it has some. */
export interface PromqlProblem extends Span {
  readonly message: string;
  /** Prometheus takes it with a feature flag. */
  readonly needsFeature?: true | undefined;
  /** Prometheus takes it, and it is too large or too deep to be read here. */
  readonly exceedsLimit?: true | undefined;
  /** The name of a function that there is not. */
  readonly unknownFunction?: string | undefined;
}

export interface Token extends Span {
  /** A sign or a keyword is its own kind, in lower case; the others are `identifier`, `string`, `end of input` and their like. */
  readonly kind: string;
  readonly text: string;
}

export const aggregators: ReadonlySet<string> = new Set(
  'sum avg count min max group stddev stdvar topk bottomk count_values quantile limitk limit_ratio'.split(' '),
);

const setOperators = 'and or unless atan2';
const modifiers =
  'offset smoothed anchored by without on ignoring group_left group_right fill fill_left fill_right bool';
const preprocessors = 'start end step range max_of min_of';

/** The words with a meaning of their own, whatever their case. Inside braces none of them has one. */
export const keywords: ReadonlySet<string> = new Set([
  ...aggregators,
  ...`${setOperators} ${modifiers} ${preprocessors}`.split(' '),
]);

const neverMetrics = new Set('atan2 on ignoring group_left group_right bool'.split(' '));

/** True if a token may be the name of a metric: a name, or a keyword that is one only in other places. */
export function isMetricName({ kind }: Token): boolean {
  if (kind === 'identifier' || kind === 'metric identifier') return true;
  return keywords.has(kind) && !neverMetrics.has(kind);
}

/** True if a token may be a label in the parentheses of `by`, `on` and their like. */
export function isLabelName({ kind }: Token): boolean {
  return kind === 'identifier' || kind === 'metric identifier' || keywords.has(kind);
}

/** A problem of the text ends the reading of an expression. */
export class PromqlError extends Error {
  readonly problem: PromqlProblem;

  constructor(
    message: string,
    { from, to }: Span,
    details: Pick<PromqlProblem, 'unknownFunction' | 'exceedsLimit'> = {},
  ) {
    super(message);
    this.problem = { message, from, to, ...details };
  }
}
