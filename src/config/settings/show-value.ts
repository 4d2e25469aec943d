import { inspect } from 'node:util';
import { maskUrl } from '../../runtime/masked-url.ts';

/** The most characters that a message shows of a value. */
const maxShownCharacters = 60;

/**
 * A value as JSON for a message, in one line of at most 60 characters. Nothing in it controls a terminal, and a possible name,
 * password or query of a URL is masked. Only the part that is shown is looked at, however large the value is.
 */
export function showValue(value: unknown): string {
  let shown = '';
  for (const piece of jsonPieces(value)) {
    shown += piece;
    if (shown.length > maxShownCharacters) return `${cut(shown)}…`;
  }
  return shown;
}

/** The path of a key, as in `receiver.max_alerts`; an unusual key is shown as JSON. */
export function showPath(path: readonly string[]): string {
  return path.map((key) => (/^[\w-]{1,60}$/.test(key) ? key : showValue(key))).join('.');
}

/**
 * A path, or text from an outside source, in one line. Escapes every character that a terminal or a line reader interprets; JSON's
 * own quoting leaves those above U+007E as they are. It does not look for passwords.
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

/** Leaves room for the ellipsis; does not show half a surrogate pair. */
function cut(shown: string): string {
  return shown.slice(0, maxShownCharacters - 1).replace(/[\ud800-\udbff]$/, '');
}

/** A text of the configuration that must not be shown in a log, an answer or a message: it is always written out as `<secret>`. */
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

/** A value as a text to compare, secrets included: it must not be shown. */
export function written(value: unknown): string | undefined {
  return JSON.stringify(
    value,
    function reveal(this: Readonly<Record<string, unknown>>, key: string, shown: unknown): unknown {
      const found = this[key];
      if (found instanceof Secret) return { secret: found.reveal() };
      return found instanceof Map ? [...found] : shown;
    },
  );
}
