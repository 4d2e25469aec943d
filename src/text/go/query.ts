import { isUtf8 } from 'node:buffer';

/** What stands for true, whatever the letter case; everything else is false. github.com/go-openapi/swag, ConvertBool. */
const truthy = new Set(['true', '1', 'yes', 'ok', 'y', 'on', 'selected', 'checked', 't', 'enabled']);

/** The parameters of a URL, as Go's url.ParseQuery and go-openapi read them. What is broken is left out. */
export class Query {
  readonly #values = new Map<string, string[]>();

  /** @param url of a request, as Node gives it: each character is a byte */
  constructor(url: string) {
    const start = url.indexOf('?');
    const pairs = start < 0 ? [] : url.slice(start + 1).split('&');
    for (const pair of pairs) if (pair !== '' && !pair.includes(';')) this.#add(pair);
  }

  all(name: string): readonly string[] {
    return this.#values.get(name) ?? [];
  }

  /** The last value; undefined if that is empty. */
  last(name: string): string | undefined {
    return this.all(name).at(-1) || undefined;
  }

  /** True unless it is given as something else. */
  flag(name: string): boolean {
    const value = this.last(name);
    return value === undefined || truthy.has(value.toLowerCase());
  }

  #add(pair: string): void {
    const equals = pair.indexOf('=');
    const name = unescape(equals < 0 ? pair : pair.slice(0, equals));
    const value = unescape(equals < 0 ? '' : pair.slice(equals + 1));
    if (name === undefined || value === undefined) return;
    const values = this.#values.get(name);
    if (values === undefined) this.#values.set(name, [value]);
    else values.push(value);
  }
}

/** Undefined if a percent sign is not followed by two digits. */
function unescape(text: string): string | undefined {
  if (/%(?![\da-f]{2})/i.test(text)) return undefined;
  const bytes = text
    .replaceAll('+', ' ')
    .replaceAll(/%(..)/g, (_, hex: string) => String.fromCharCode(parseInt(hex, 16)));
  return decode(Buffer.from(bytes, 'latin1'));
}

/** A byte that is not UTF-8 becomes a lone surrogate, U+DC00 and the byte: it equals nothing that a label contains. */
function decode(bytes: Buffer): string {
  if (isUtf8(bytes)) return bytes.toString();
  let text = '';
  for (let at = 0; at < bytes.length;) {
    const length = [1, 2, 3, 4].find((count) => at + count <= bytes.length && isUtf8(bytes.subarray(at, at + count)));
    text += length === undefined ? String.fromCharCode(0xdc00 + bytes[at]!) : bytes.toString('utf8', at, at + length);
    at += length ?? 1;
  }
  return text;
}
