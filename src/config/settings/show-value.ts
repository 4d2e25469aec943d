import { inspect } from 'node:util';
import { maskUrl } from '../../runtime/masked-url.ts';

/** The most characters of a found value that a message shows. */
const maxShownCharacters = 60;

/**
 * A value as JSON, in one line of at most 60 characters, for a message. Nothing in it steers a terminal, and what may be the
 * name and password in a URL, or a query of it, is masked. Only as much of the value is looked at as is shown, however large it is.
 */
export function showValue(value: unknown): string {
  let shown = '';
  for (const piece of jsonPieces(value)) {
    shown += piece;
    if (shown.length > maxShownCharacters) return `${cut(shown)}…`;
  }
  return shown;
}

/** The way to a key, as in `receiver.max_alerts`; an odd key is shown as JSON. */
export function showPath(path: readonly string[]): string {
  return path.map((key) => (/^[\w-]{1,60}$/.test(key) ? key : showValue(key))).join('.');
}

/**
 * A path, or text of someone else, in one line. Escapes every character that a terminal or a reader of lines obeys; JSON's
 * own quoting leaves those above U+007E. Passwords are not looked for.
 */
export function showText(text: string): string {
  return text.replaceAll(/[\p{Cc}\p{Cf}\u2028\u2029]/gu, (character) => {
    const code = character.codePointAt(0) ?? 0;
    return `\\u${code > 0xffff ? `{${code.toString(16)}}` : code.toString(16).padStart(4, '0')}`;
  });
}

function* jsonPieces(value: unknown): Generator<string, void> {
  if (Array.isArray(value)) yield* arrayPieces(value);
  else if (typeof value === 'object' && value !== null) yield* objectPieces(value);
  else if (typeof value === 'string') yield jsonString(value);
  else yield String(value);
}

function* arrayPieces(items: readonly unknown[]): Generator<string, void> {
  yield '[';
  for (const [index, item] of items.entries()) {
    if (index > 0) yield ',';
    yield* jsonPieces(item);
  }
  yield ']';
}

function* objectPieces(value: object): Generator<string, void> {
  yield '{';
  for (const [index, [key, item]] of Object.entries(value).entries()) {
    yield `${index > 0 ? ',' : ''}${jsonString(key)}:`;
    yield* jsonPieces(item);
  }
  yield '}';
}

function jsonString(text: string): string {
  return showText(JSON.stringify(maskUrl(text)));
}

/** Room for the ellipsis is left; half a surrogate pair is not shown. */
function cut(shown: string): string {
  return shown.slice(0, maxShownCharacters - 1).replace(/[\ud800-\udbff]$/, '');
}

/** A text of the configuration that nobody may read in a log, an answer or a message: whatever writes it out writes `<secret>`. */
export class Secret {
  readonly #text: string;

  constructor(text: string) {
    this.#text = text;
  }

  /** The text itself, for the one place that sends it. */
  reveal(): string {
    return this.#text;
  }

  toString(): string {
    return '<secret>';
  }

  toJSON(): string {
    return '<secret>';
  }

  [inspect.custom](): string {
    return '<secret>';
  }
}
