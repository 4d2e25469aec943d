/** A line of a stream that is longer than anyone sends in earnest. */
export class LineTooLongError extends Error {
  constructor(maxBytes: number) {
    super(`a line of the stream is longer than ${maxBytes} bytes`);
    this.name = 'LineTooLongError';
  }
}

/**
 * The lines of a stream of UTF-8, without their line feeds, empty ones left out. A character may be split over chunks.
 * What is left at the end without a line feed is half a line and is not given. Rejects with what the stream fails with,
 * and with LineTooLongError.
 * @param onChunk called for each chunk, whatever is in it
 */
export async function* streamLines(
  stream: AsyncIterable<Uint8Array>,
  maxBytes: number,
  onChunk: () => void,
): AsyncGenerator<string, void> {
  let parts: Uint8Array[] = [];
  let bytes = 0;
  for await (const chunk of stream) {
    onChunk();
    let start = 0;
    for (let end = chunk.indexOf(lineFeed); end !== -1; end = chunk.indexOf(lineFeed, start)) {
      const line = textOf([...parts, chunk.subarray(start, end)]);
      parts = [];
      bytes = 0;
      start = end + 1;
      if (line !== '') yield line;
    }
    bytes += chunk.length - start;
    if (bytes > maxBytes) throw new LineTooLongError(maxBytes);
    if (start < chunk.length) parts.push(chunk.subarray(start));
  }
}

const lineFeed = 0x0a;

/** Decoded only when the line is whole, so that no character is cut. */
function textOf(parts: readonly Uint8Array[]): string {
  return Buffer.concat(parts).toString('utf8').trim();
}
