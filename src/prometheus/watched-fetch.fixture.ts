import { fetch, Response } from 'undici';

export interface WatchedFetch {
  readonly fetch: typeof fetch;
  /** Resolves when the headers of an answer have arrived. */
  readonly headers: Promise<void>;
  /** Resolves when the next piece of the body has arrived. */
  nextPiece(): Promise<void>;
}

/** The real fetch, for one call, which reports how far its answer has come: a test can advance time at that very point. */
export function watchedFetch(): WatchedFetch {
  const headers = Promise.withResolvers<void>();
  let piece = Promise.withResolvers<void>();
  const watch = new TransformStream<Uint8Array, Uint8Array>({
    transform(chunk, controller) {
      controller.enqueue(chunk);
      piece.resolve();
    },
  });
  const watched: typeof fetch = async (input, init) => {
    const response = await fetch(input, init);
    headers.resolve();
    return new Response(response.body!.pipeThrough(watch), { headers: response.headers });
  };
  const nextPiece = async (): Promise<void> => {
    await piece.promise;
    piece = Promise.withResolvers();
  };
  return { fetch: watched, headers: headers.promise, nextPiece };
}
