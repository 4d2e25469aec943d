export type TemplateTokenKind =
  | 'text'
  | 'open'
  | 'close'
  | 'space'
  | 'end of the text'
  | 'keyword'
  | 'identifier'
  | 'field'
  | 'variable'
  | 'dot'
  | 'string'
  | 'number'
  | 'boolean'
  | 'nil'
  | '='
  | ':='
  | '|'
  | '('
  | ')'
  | 'character';

/** A part of a template, as offsets into its text. */
export interface TemplateSpan {
  readonly from: number;
  readonly to: number;
}

export interface TemplateToken extends TemplateSpan {
  readonly kind: TemplateTokenKind;
  readonly text: string;
}

/** What is wrong with a template, and where. The words are those of Go. */
export class TemplateError extends Error {
  readonly span: TemplateSpan;

  constructor(message: string, { from, to }: TemplateSpan) {
    super(message);
    this.span = { from, to };
  }
}

const keywords: ReadonlySet<string> = new Set('block break continue define else end if range template with'.split(' '));

const blanks = /[ \t\r\n]+/y;
const word = /[\p{L}\p{Nd}_]+/uy;
const closing = /[ \t\r\n]-\}\}|\}\}/y;
const quoted = /"(?:[^"\\\n]|\\[^\n])*"|`[^`]*`|'(?:[^'\\\n]|\\[^\n])*'/y;
const number =
  /[+-]?(?:0[xX][\da-fA-F_]*\.?[\da-fA-F_]*(?:[pP][+-]?[\d_]*)?|0[oO][0-7_]*\.?[0-7_]*|0[bB][01_]*\.?[01_]*|[\d_]*\.?[\d_]*(?:[eE][+-]?[\d_]*)?)i?/y;

/** Cuts a template of Go into its texts and the tokens of its actions (text/template/parse/lex.go). Throws {@link TemplateError}. */
export function* scanTemplate(text: string): Generator<TemplateToken> {
  let at = 0;
  while (at < text.length) {
    const open = text.indexOf('{{', at);
    const to = open === -1 ? text.length : open;
    if (to > at) yield { kind: 'text', text: text.slice(at, to), from: at, to };
    if (open === -1) break;
    const isTrim = /^-[ \t\r\n]/.test(text.slice(open + 2, open + 4));
    const start = open + (isTrim ? 4 : 2);
    if (text.startsWith('/*', start)) at = endOfComment(text, open, start);
    else {
      yield { kind: 'open', text: '{{', from: open, to: open + 2 };
      at = yield* scanAction(text, open, start);
    }
  }
  yield { kind: 'end of the text', text: '', from: text.length, to: text.length };
}

function endOfComment(text: string, open: number, start: number): number {
  const end = text.indexOf('*/', start + 2);
  if (end === -1) throw new TemplateError('unclosed comment', { from: open, to: text.length });
  const close = matchAt(closing, text, end + 2);
  if (close === undefined)
    throw new TemplateError('comment ends before closing delimiter', { from: open, to: end + 2 });
  return end + 2 + close.length;
}

/** Yields the tokens of an action, and returns where it ends. */
function* scanAction(text: string, open: number, start: number): Generator<TemplateToken, number> {
  let [at, depth] = [start, 0];
  for (;;) {
    const close = matchAt(closing, text, at);
    if (close !== undefined) {
      if (depth > 0) throw new TemplateError('unclosed left paren', { from: open, to: at });
      yield { kind: 'close', text: close, from: at, to: at + close.length };
      return at + close.length;
    }
    if (at >= text.length) throw new TemplateError('unclosed action', { from: open, to: text.length });
    const token = tokenAt(text, at, open);
    if (token.kind === '(') depth++;
    if (token.kind === ')' && --depth < 0) throw new TemplateError('unexpected right paren', token);
    yield token;
    at = token.to;
  }
}

function tokenAt(text: string, at: number, open: number): TemplateToken {
  const token = (kind: TemplateTokenKind, length: number): TemplateToken => {
    return { kind, text: text.slice(at, at + length), from: at, to: at + length };
  };
  const character = String.fromCodePoint(text.codePointAt(at)!);
  const space = matchAt(blanks, text, at);
  if (space !== undefined) return token('space', beforeTrim(text, at, space));
  if (character === ':') return declareAt(text, at, token);
  if ('"`\''.includes(character)) return quotedAt(text, at, open, token);
  if (character === '$' || (character === '.' && !/\d/.test(text[at + 1] ?? ''))) return namedAt(text, at, token);
  if (/[\d+.-]/.test(character)) return numberAt(text, at, token);
  if (/[\p{L}\p{Nd}_]/u.test(character)) return wordAt(text, at, token);
  return signAt(character, at, token);
}

function declareAt(text: string, at: number, token: CreateToken): TemplateToken {
  if (text[at + 1] === '=') return token(':=', 2);
  throw new TemplateError('expected :=', { from: at, to: at + 1 });
}

function signAt(character: string, at: number, token: CreateToken): TemplateToken {
  if (character === '=' || character === '|' || character === '(' || character === ')') return token(character, 1);
  if (/^[!-~]$/.test(character)) return token('character', 1);
  const shown = JSON.stringify(character);
  throw new TemplateError(`unrecognized character in action: ${shown}`, { from: at, to: at + character.length });
}

type CreateToken = (kind: TemplateTokenKind, length: number) => TemplateToken;

/** The last blank in front of `-}}` belongs to it. */
function beforeTrim(text: string, at: number, space: string): number {
  const isTrim = space.length > 1 && text.startsWith('-}}', at + space.length);
  return isTrim ? space.length - 1 : space.length;
}

function quotedAt(text: string, at: number, open: number, token: CreateToken): TemplateToken {
  const match = matchAt(quoted, text, at);
  const name = { '"': 'quoted string', '`': 'raw quoted string', "'": 'character constant' }[text[at] ?? ''];
  if (match === undefined)
    throw new TemplateError(`unterminated ${name}`, { from: open, to: Math.min(at + 20, text.length) });
  return token(match.startsWith("'") ? 'number' : 'string', match.length);
}

function namedAt(text: string, at: number, token: CreateToken): TemplateToken {
  const kind = text[at] === '$' ? 'variable' : 'field';
  const name = matchAt(word, text, at + 1) ?? '';
  expectTerminator(text, at + 1 + name.length);
  if (name !== '') return token(kind, name.length + 1);
  return token(kind === 'field' ? 'dot' : kind, 1);
}

function numberAt(text: string, at: number, token: CreateToken): TemplateToken {
  const match = matchAt(number, text, at) ?? '';
  const rest = matchAt(word, text, at + match.length) ?? '';
  const all = text.slice(at, at + match.length + rest.length);
  if (match === '' || rest !== '' || !isNumber(all))
    throw new TemplateError(`bad number syntax: ${JSON.stringify(all)}`, {
      from: at,
      to: at + Math.max(all.length, 1),
    });
  return token('number', match.length);
}

const integer = /^0[xX][\da-fA-F]+$|^0[oO]?[0-7]*$|^0[bB][01]+$|^[1-9]\d*$/;
const fraction =
  /^(?:\d+\.?\d*|\.\d+)(?:[eE][+-]?\d+)?$|^0[xX](?:[\da-fA-F]+\.?[\da-fA-F]*|\.[\da-fA-F]+)[pP][+-]?\d+$/;

function isNumber(text: string): boolean {
  if (/(?:^|[^\da-fA-FxXoObB])_|_(?:$|[^\da-fA-F])|__/.test(text)) return false;
  const plain = text.replaceAll('_', '').replace(/^[+-]/, '');
  // What is imaginary is read as a fraction, which may be written as a whole number but with no base.
  if (plain.endsWith('i')) return isFraction(plain.slice(0, -1));
  return integer.test(plain) || (/[.eEpP]/.test(plain) && isFraction(plain));
}

function isFraction(plain: string): boolean {
  return fraction.test(plain) && Number(plain) !== Infinity;
}

function wordAt(text: string, at: number, token: CreateToken): TemplateToken {
  const name = matchAt(word, text, at) ?? '';
  expectTerminator(text, at + name.length);
  if (keywords.has(name)) return token('keyword', name.length);
  if (name === 'nil') return token('nil', name.length);
  return token(name === 'true' || name === 'false' ? 'boolean' : 'identifier', name.length);
}

/** A name ends at a blank, a bracket, a dot, a comma, a pipe, a colon or the end of the action. */
function expectTerminator(text: string, at: number): void {
  if (at >= text.length || /[ \t\r\n.,|:()]/.test(text[at]!) || text.startsWith('}}', at)) return;
  const character = String.fromCodePoint(text.codePointAt(at)!);
  throw new TemplateError(`bad character ${JSON.stringify(character)} behind a name`, {
    from: at,
    to: at + character.length,
  });
}

function matchAt(pattern: RegExp, text: string, at: number): string | undefined {
  pattern.lastIndex = at;
  return pattern.exec(text)?.[0];
}
