import { JsonReader } from '../alert/json-reader.ts';
import type { Sliced } from '../alert/sliced.ts';
import { largeBodyBytes } from '../limits.ts';
import { inSlices, type Slices } from '../slices.ts';

/**
 * JSON.parse that does not hold the event loop: a long text is read in slices. Throws an Error whose message says what is
 * wrong with the text.
 */
export async function parseJson(text: string, slices: Slices): Promise<unknown> {
  return text.length > largeBodyBytes ? parseJsonInSlices(text, slices) : (JSON.parse(text) as unknown);
}

/** As {@link parseJson}, always in slices, and without the defect that JSON.parse has with names written with an escape. */
export function parseJsonInSlices(text: string, slices: Slices): Promise<unknown> {
  return inSlices(readWhole(new JsonReader(text)), slices);
}

function* readWhole(reader: JsonReader): Sliced<unknown> {
  const value: unknown = yield* reader.value();
  yield* reader.end();
  return value;
}
