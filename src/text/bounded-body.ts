/** What was read of a body. */
export interface BoundedBody {
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
