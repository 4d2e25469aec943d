import { styleText } from 'node:util';
import { showText } from '../config/settings/show-value.ts';
import type { CheckResult } from './check.ts';
import type { CheckEvent } from './run-checks.ts';

/** As `linkerd check -o`. */
export const checkFormats = ['json', 'table', 'short'] as const;

export type CheckFormat = (typeof checkFormats)[number];

const usualColumns = 80;
const waitingMark = ' ...';

/** Where each check has its paragraph. */
const hintBase = 'docs/checks.md#';

interface CheckReportOptions {
  readonly format: CheckFormat;
  readonly write: (text: string) => unknown;
  /** `--verbose`: shows what good checks tell, and those that were skipped. */
  readonly isVerbose: boolean;
  readonly isColoured: boolean;
  /** On a terminal, a line says which check is waited for. */
  readonly isTerminal: boolean;
  /** The width of the terminal, characters; default 80. A line that is written over must not be longer. */
  readonly columns?: number | undefined;
}

/** A check in the JSON of `linkerd check -o json`. */
interface ShownCheck {
  readonly description: string;
  readonly hint?: string;
  readonly error?: string;
  readonly result: 'success' | 'warning' | 'error';
}

const marks = {
  success: ['\u221a', 'green'],
  warning: ['\u203c', 'yellow'],
  error: ['\u00d7', 'red'],
  skipped: ['-', 'dim'],
  'not run': ['-', 'dim'],
} as const satisfies Record<CheckResult['result'], readonly [string, string]>;

/** Writes results as `linkerd check` does: a table as they come, the problems alone, or JSON at the end. */
export class CheckReport {
  readonly #options: CheckReportOptions;
  readonly #categories: { categoryName: string; checks: ShownCheck[] }[] = [];
  /** The category whose heading is not written yet. */
  #heading: string | undefined;
  #hasWritten = false;
  #isWaiting = false;
  #success = true;

  constructor(options: CheckReportOptions) {
    this.#options = options;
  }

  /** True while no check has failed. Warnings do not count. */
  get success(): boolean {
    return this.#success;
  }

  tell(event: CheckEvent): void {
    if (event.event === 'waiting') return this.#wait(event.text);
    if (event.event === 'result') return this.#result(event);
    const { name, whyNot } = event;
    this.#categories.push({ categoryName: name, checks: [] });
    this.#heading = name;
    if (whyNot === undefined) return;
    const text = `does not apply: ${whyNot}`;
    this.#categories.at(-1)!.checks.push({ description: text, result: 'success' });
    if (this.#options.format === 'table') this.#line('skipped', text);
  }

  /** Writes what comes after the last result. */
  end(): void {
    const { format, write } = this.#options;
    if (format === 'json') {
      write(`${JSON.stringify({ success: this.#success, categories: this.#categories }, null, 2)}\n`);
      return;
    }
    if (this.#hasWritten) this.#write('\n');
    this.#write(`Status check results are ${this.#mark(this.#success ? 'success' : 'error')}\n`);
  }

  #result(result: CheckResult): void {
    if (result.result === 'error') this.#success = false;
    const { format, isVerbose } = this.#options;
    // As in linkerd check.
    if (result.result === 'skipped' && (format !== 'table' || !isVerbose)) return;
    this.#categories.at(-1)?.checks.push(shownCheck(result));
    const isQuiet = result.result !== 'error' && result.result !== 'warning';
    if (format === 'json' || (format === 'short' && isQuiet)) return;
    this.#line(result.result, result.check.description);
    const told = isVerbose ? (result.told ?? []) : [];
    for (const text of [...told, ...linesOf(result.text)]) this.#write(`    ${showText(text)}\n`);
    if (!isQuiet) this.#write(`    see ${hintBase}${result.check.id} for hints\n`);
  }

  #line(result: CheckResult['result'], text: string): void {
    if (this.#heading !== undefined) {
      if (this.#hasWritten) this.#write('\n');
      this.#write(`${this.#heading}\n${'-'.repeat(this.#heading.length)}\n`);
      this.#heading = undefined;
    }
    this.#hasWritten = true;
    this.#write(`${this.#mark(result)} ${showText(text)}\n`);
  }

  /** The line is written over by whatever comes next. */
  #wait(text: string): void {
    if (!this.#options.isTerminal || this.#options.format === 'json') return;
    const room = Math.max(0, (this.#options.columns ?? usualColumns) - waitingMark.length - 1);
    this.#write(`${showText(linesOf(text)[0] ?? '').slice(0, room)}${waitingMark}`);
    this.#isWaiting = true;
  }

  #write(text: string): void {
    this.#options.write(this.#isWaiting ? `\r\u001b[2K${text}` : text);
    this.#isWaiting = false;
  }

  #mark(result: CheckResult['result']): string {
    const [mark, colour] = marks[result];
    return this.#options.isColoured ? styleText(colour, mark, { validateStream: false }) : mark;
  }
}

/** JSON knows no checks that were not run. */
function shownCheck({ check, result, text = '' }: CheckResult): ShownCheck {
  const { description, id } = check;
  const hint = `${hintBase}${id}`;
  switch (result) {
    case 'success':
    case 'skipped':
      return { description, result: 'success' };
    case 'not run':
      return { description, hint, error: text, result: 'warning' };
    case 'warning':
    case 'error':
      return { description, hint, error: text, result };
  }
}

function linesOf(text = ''): readonly string[] {
  return text === '' ? [] : text.split('\n');
}
