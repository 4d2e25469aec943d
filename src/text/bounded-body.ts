/** What was read of a body. */
interface BoundedBody {
  readonly text: string;
  /** True if the body is longer than the limit, and `text` only its beginning. */
  readonly cut: boolean;
}

/**
 * Reads a body as UTF-8, at most `maxBytes` of it, counted as it streams and after decompression: a small answer that
 * unpacks to a huge one stops at the limit too. The rest is never fetched: the stream is cancelled.
 * Rejects with what the stream fails with.
 */
export async function readBoundedBody(body: AsyncIterable<Uint8Array> | null, maxBytes: number): Promise<BoundedBody> {
  if (body === null) return { text: '', cut: false };
  // Decoded piece by piece: at no time are both the bytes and the text held whole.
  const decoder = new TextDecoder();
  let text = '';
  let bytes = 0;
  for await (const chunk of body) {
    bytes += chunk.byteLength;
    if (bytes > maxBytes) return { text: text + decoder.decode(withinLimit(chunk, bytes - maxBytes)), cut: true };
    text += decoder.decode(chunk, { stream: true });
  }
  return { text: text + decoder.decode(), cut: false };
}

function withinLimit(chunk: Uint8Array, excessBytes: number): Uint8Array {
  return chunk.subarray(0, chunk.byteLength - excessBytes);
}

const defaultMaxCharacters = 200;
/** Enough for characters of the longest kind, so that a long text is not searched to its end. */
const unitsPerCharacter = 8;

/**
 * The beginning of a text that a stranger sent, fit for an error message: on one line, without control and formatting
 * characters (they could steer the reader's terminal), of a limited number of characters.
 */
export function excerpt(text: string, maxCharacters = defaultMaxCharacters): string {
  const maxCodeUnits = unitsPerCharacter * maxCharacters;
  const clean = text
    .slice(0, maxCodeUnits)
    .toWellFormed()
    .replaceAll(/[\p{Cc}\p{Cf}\s]+/gu, ' ')
    .trim();
  const characters = Array.from(clean);
  const whole = text.length <= maxCodeUnits && characters.length <= maxCharacters;
  return whole ? clean : `${characters.slice(0, maxCharacters - 1).join('')}…`;
}
