import { walk, type Expression, type Selector } from '../../promql/expression.ts';
import { readExpression } from '../../promql/read-expression.ts';
import type { RuleContext } from '../rule.ts';
import { decisiveComparisons, type Comparison } from './comparison.ts';
import { expressionTexts, type FileRule } from './rule-file.ts';

/** An expression that may notice that a target is missing. */
interface Noticing {
  readonly expression: Expression;
  /** True if it stands in the same file. */
  readonly isNear: boolean;
}

/**
 * Tells of `up == 0` alone: a target that is no longer discovered, since its machine is gone, has no `up` at all, and the alert is
 * silent. Another rule with absent() or count() of the same job makes up for it, wherever it stands in the call.
 */
export class UpIsZero {
  readonly #context: RuleContext;
  /** Read at the first such alert: there may be thousands of rules, and most files have no such alert. */
  #noticing: readonly Noticing[] | undefined;

  constructor(context: RuleContext) {
    this.#context = context;
  }

  check(expression: Expression, { expression: written }: FileRule): void {
    for (const comparison of decisiveComparisons(expression)) {
      const selector = isLow(comparison) ? onlyUp(comparison.compared) : undefined;
      if (selector === undefined) continue;
      const discovery = discoveryOf(selector, this.#context);
      if (discovery === 'no' || this.#isCovered(selector, expression)) continue;
      const { from, to } = comparison.part;
      this.#context.report('up-is-zero', written!.value.rangeOf(from, to), messages[discovery], {
        hint: `add an alert on ${suggestion(selector)}, or on the number of targets, as in count(${shown(selector)}) < 3`,
        severity: discovery === 'unknown' ? 'info' : undefined,
      });
    }
  }

  #isCovered(selector: Selector, own: Expression): boolean {
    const job = jobOf(selector);
    this.#noticing ??= noticingExpressions(this.#context);
    return [{ expression: own, isNear: true }, ...this.#noticing].some(({ expression, isNear }) =>
      [...walk(expression)].some((part) => noticesMissing(part, job, isNear)),
    );
  }
}

const messages = {
  yes: 'a target that is no longer discovered has no up, and the alert is silent',
  unknown: 'if its targets are discovered, one that is gone has no up, and the alert is silent',
} as const;

/** True if the condition becomes true as the value falls. */
function isLow({ operator, limit }: Comparison): boolean {
  return (
    operator === '<' || operator === '<=' || (operator === '==' && limit === 0) || (operator === '!=' && limit === 1)
  );
}

/** The selector of `up`, if nothing else is selected. A count of targets falls when one is gone. */
function onlyUp(expression: Expression): Selector | undefined {
  const parts = [...walk(expression)];
  const selectors = parts.filter((part) => part.type === 'selector');
  if (parts.some((part) => part.type === 'aggregation' && /^(?:sum|count|group)$/.test(part.operator)))
    return undefined;
  return selectors.every(({ name }) => name === 'up') ? selectors[0] : undefined;
}

function jobOf({ matchers }: Selector): string | undefined {
  return matchers.find(({ label, operator }) => label === 'job' && operator === '=')?.value;
}

/** Whether the targets of a job are discovered: only a prometheus.yml in the same call can say no. */
function discoveryOf(selector: Selector, { subject, all }: RuleContext): 'yes' | 'no' | 'unknown' {
  if (subject.within?.root.get('kind')?.text === 'PrometheusRule') return 'yes';
  const job = jobOf(selector);
  const scrapes = all
    .filter(({ kind }) => kind === 'prometheus')
    .flatMap(({ root }) => root.get('scrape_configs')?.items ?? []);
  const own = scrapes.filter((scrape) => job === undefined || scrape.get('job_name')?.text === job);
  if (own.length === 0) return 'unknown';
  return own.some(({ entries }) => entries.some(({ key }) => key.endsWith('_sd_configs'))) ? 'yes' : 'no';
}

function noticingExpressions({ all, subject }: RuleContext): readonly Noticing[] {
  return all.flatMap((each) => {
    const texts = each.kind === 'rules' ? [...expressionTexts(each.root)] : [];
    const some = texts.filter(
      (text) => /\bup\b/.test(text) && /\b(?:absent|absent_over_time|count|sum|group)\b/i.test(text),
    );
    return some.flatMap((text) => {
      const read = readExpression(text);
      return 'expression' in read ? { expression: read.expression, isNear: each === subject } : [];
    });
  });
}

/** For an alert on every job, a rule on one job is enough in the same file, and one on every job elsewhere. */
function noticesMissing(part: Expression, job: string | undefined, isNear: boolean): boolean {
  const isAbsent = part.type === 'call' && /^absent(?:_over_time)?$/.test(part.function.name);
  const isCount = part.type === 'aggregation' && /^(?:count|sum|group)$/.test(part.operator);
  if (!isAbsent && !isCount) return false;
  const ups = [...walk(part)].filter((each) => each.type === 'selector' && each.name === 'up');
  return ups.some((up) => {
    const noticed = jobOf(up as Selector);
    return noticed === undefined || (job === undefined ? isNear : noticed === job);
  });
}

function suggestion(selector: Selector): string {
  return `absent(${shown(selector)})`;
}

function shown(selector: Selector): string {
  const job = jobOf(selector);
  return `up{job=${JSON.stringify(job === undefined || job.length > 40 ? '…' : job)}}`;
}
