import type { LogLine } from '../test/support/log-lines.ts';
import { secret } from './hostile-request.ts';
import type { Violations } from './violations.ts';

/** With longer lines, an attacker could fill the log. */
const longestLine = 64 * 1024;

/** Checks each line of output as it arrives, and keeps none. */
export class LogWatch {
  readonly #violations: Violations;
  readonly #encodedSecret = Buffer.from(`admin:${secret}`).toString('base64');
  lines = 0;
  bytes = 0;

  constructor(violations: Violations) {
    this.#violations = violations;
  }

  add(text: string): void {
    this.lines++;
    this.bytes += text.length;
    const line = parse(text);
    if (line === undefined) this.#violations.add('a line that is no line of the log', text);
    else if (line.event === 'forged') this.#violations.add('a forged line', text);
    else if (line.level === 'error') this.#violations.add('an error in the log', text);
    if (text.includes(secret) || text.includes(this.#encodedSecret)) this.#violations.add('a secret in the log', text);
    if (text.length > longestLine) this.#violations.add(`a line of more than ${longestLine} characters`, text);
  }
}

/** Undefined if it is not a log line of Tocsin, or contains an unescaped control character. */
function parse(text: string): LogLine | undefined {
  // oxlint-disable-next-line no-control-regex
  if (/[\0-\u001f\u007f]/.test(text)) return undefined;
  try {
    const line = JSON.parse(text) as LogLine;
    return typeof line.time === 'string' && typeof line.event === 'string' ? line : undefined;
  } catch {
    return undefined;
  }
}
