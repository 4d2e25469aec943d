/** The part of a body that was read. */
interface BoundedBody {
  readonly text: string;
  /** True if the body is longer than the limit, so that `text` is only its beginning. */
  readonly cut: boolean;
}

/**
 * Reads at most `maxBytes` of a body as UTF-8. It counts the bytes as they arrive, after decompression, so the limit also stops a
 * small answer that unpacks to a huge one. It never fetches the rest: it cancels the stream. Rejects with the error of the
 * stream.
 */
export async function readBoundedBody(body: AsyncIterable<Uint8Array> | null, maxBytes: number): Promise<BoundedBody> {
  if (body === null) return { text: '', cut: false };
  // Decoding piece by piece: the whole bytes and the whole text are never in memory at the same time.
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
/** Enough for the longest kind of character; it keeps the search from going through all of a long text. */
const unitsPerCharacter = 8;

/**
 * The beginning of a stranger's text, made fit for an error message: on one line, at most `maxCharacters` long, and without
 * control and formatting characters, which could steer the reader's terminal.
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
