import { TemplateError, type TemplateSpan, type TemplateToken } from './scan-template.ts';
import { unexpected, type TemplateTokens } from './template-tokens.ts';

/** A value that a template reads from its data: `.Labels.job` and `$.Labels.job` are the fields Labels and job. */
export interface TemplateUse extends TemplateSpan {
  /** The variable it begins with; `$` for the data themselves. */
  readonly variable: string;
  readonly fields: readonly string[];
}

/** What a template may use besides the language's own: the names of variables have their `$`. */
export interface TemplateNames {
  readonly functions: ReadonlySet<string>;
  readonly variables: readonly string[];
}

/** The limit on parentheses, and on actions inside one another; Go's own is 10,000. */
export const maxDepth = 200;

/** Reads the pipelines of a template, and notes what they use. */
export class TemplatePipelines {
  readonly uses: TemplateUse[] = [];
  readonly functions: TemplateToken[] = [];
  /** The name that there is not, once an error was thrown for it. */
  unknown: string | undefined;
  variables: string[];
  /** True while `.` is the data of the whole template. */
  isRoot = true;
  readonly #tokens: TemplateTokens;
  readonly #names: TemplateNames;
  #depth = 0;

  constructor(tokens: TemplateTokens, names: TemplateNames) {
    this.#tokens = tokens;
    this.#names = names;
    this.variables = ['$', ...names.variables];
  }

  /** Reads a pipeline and the token that ends it. */
  read(context: string, end: 'close' | ')'): void {
    this.#declarations(context);
    let commands = 0;
    for (;;) {
      const token = this.#tokens.nextWord();
      if (token.kind === end) {
        if (commands === 0) throw new TemplateError(`missing value for ${context}`, token);
        return;
      }
      if (!operandKinds.has(token.kind)) throw unexpected(token, context);
      this.#tokens.back(token);
      this.#command(++commands);
    }
  }

  #declarations(context: string): void {
    for (let count = 1; ; count++) {
      const variable = this.#tokens.peekWord();
      if (variable.kind !== 'variable') return;
      this.#tokens.next();
      const space = this.#tokens.next();
      const next = space.kind === 'space' ? this.#tokens.next() : space;
      const isComma = next.kind === 'character' && next.text === ',';
      if (next.kind !== '=' && next.kind !== ':=' && !isComma) {
        this.#tokens.back(next);
        if (space !== next) this.#tokens.back(space);
        return this.#tokens.back(variable);
      }
      this.variables.push(variable.text);
      if (!isComma) return;
      if (context !== 'range' || count > 1) throw new TemplateError(`too many declarations in ${context}`, next);
      if (!['variable', 'close', ')'].includes(this.#tokens.peekWord().kind))
        throw new TemplateError('range can only initialize variables', this.#tokens.peek());
    }
  }

  #command(stage: number): void {
    const operands: TemplateToken[] = [];
    for (;;) {
      const first = this.#tokens.peekWord();
      const isOperand = this.#operand();
      if (isOperand) operands.push(first);
      if (operands.length === 1 && isOperand && stage > 1 && valueKinds.has(first.kind))
        throw new TemplateError(`non executable command in pipeline stage ${stage}`, first);
      if (isOperand) this.#index(operands);
      const token = this.#tokens.next();
      if (token.kind === 'space') continue;
      if (operands.length === 0 && operandEnds.has(token.kind)) throw new TemplateError('empty command', token);
      if (token.kind === '|') return;
      if (token.kind !== 'close' && token.kind !== ')') throw unexpected(token, 'operand');
      return this.#tokens.back(token);
    }
  }

  /** `index $labels "job"` reads a field as `$labels.job` does. */
  #index([first, container, key, ...more]: readonly TemplateToken[]): void {
    const use = this.uses.at(-1);
    if (first?.text !== 'index' || container === undefined || key?.kind !== 'string' || more.length > 0) return;
    if (use?.from !== container.from) return;
    this.uses.push({ ...use, fields: [...use.fields, key.text.slice(1, -1)], to: key.to });
  }

  /** False if the next token is no operand. */
  #operand(): boolean {
    const token = this.#tokens.nextWord();
    if (!operandKinds.has(token.kind)) {
      this.#tokens.back(token);
      return false;
    }
    this.#term(token);
    const fields: TemplateToken[] = token.kind === 'field' ? [token] : [];
    while (this.#tokens.peek().kind === 'field') fields.push(this.#tokens.next());
    if (literalKinds.has(token.kind) && fields.length > 0)
      throw new TemplateError(`unexpected . after term "${token.text}"`, fields[0]!);
    this.#use(token, fields);
    return true;
  }

  #term(token: TemplateToken): void {
    switch (token.kind) {
      case 'identifier':
        this.functions.push(token);
        if (!this.#names.functions.has(token.text))
          throw this.#notDefined(`function "${token.text}" not defined`, token);
        return;
      case 'variable':
        if (!this.variables.includes(token.text)) throw this.#notDefined(`undefined variable "${token.text}"`, token);
        return;
      case 'string':
      case 'number':
        return checkString(token);
      case '(':
        if (++this.#depth > maxDepth) throw new TemplateError('max expression depth exceeded', token);
        this.read('parenthesized pipeline', ')');
        this.#depth--;
        return;
      default:
    }
  }

  #use(token: TemplateToken, fields: readonly TemplateToken[]): void {
    const isDot = token.kind === 'dot' || token.kind === 'field';
    if (token.kind !== 'variable' && !(isDot && this.isRoot)) return;
    this.uses.push({
      variable: token.kind === 'variable' ? token.text : '$',
      fields: fields.map(({ text }) => text.slice(1)),
      from: token.from,
      to: fields.at(-1)?.to ?? token.to,
    });
  }

  #notDefined(message: string, token: TemplateToken): TemplateError {
    this.unknown = token.text;
    return new TemplateError(message, token);
  }
}

const operandKinds: ReadonlySet<string> = new Set([
  'boolean',
  'dot',
  'field',
  'identifier',
  'number',
  'nil',
  'string',
  'variable',
  '(',
]);
/** What cannot be called in a later stage of a pipeline. */
const valueKinds: ReadonlySet<string> = new Set(['boolean', 'dot', 'nil', 'number', 'string']);
const operandEnds: ReadonlySet<string> = new Set(['|', 'close', ')']);
const literalKinds: ReadonlySet<string> = new Set(['boolean', 'nil', 'number', 'string', 'dot']);

const escapes =
  /^["'](?:[^\\]|\\(?:[abfnrtv\\"']|x[\da-fA-F]{2}|[0-3][0-7]{2}|u(?![dD][89a-fA-F])[\da-fA-F]{4}|U00(?:0[\da-fA-F]|10)[\da-fA-F]{4}))*["']$/s;

/** Throws if the escapes of a string or a character are not Go's. */
export function checkString({ text, from, to }: TemplateToken): void {
  const quote = text[0];
  if (quote !== '"' && quote !== "'") return;
  const wrongQuote = quote === '"' ? /(?<!\\)(?:\\\\)*\\'/ : /(?<!\\)(?:\\\\)*\\"/;
  const isCharacter = quote === "'" && !/^'(?:\\(?:.|x..|\d{3}|u.{4}|U.{8})|[^\\])'$/su.test(text);
  if (!escapes.test(text) || wrongQuote.test(text) || isCharacter)
    throw new TemplateError('invalid syntax', { from, to });
}
