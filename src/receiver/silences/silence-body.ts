import { readSilence } from '../../silence/read-silence.ts';
import { SilenceError } from '../../silence/silence-error.ts';
import type { PostableSilence } from '../../silence/silence.ts';
import { inSlices, type Slices } from '../../runtime/slices.ts';
import { bodyText } from '../../server/request/body-reader.ts';

/** How often larger than a silence its body may be: a character may be written with six. */
const bodyBytesPerByte = 8;

/** Reads the body of a POST in slices. Rejects with SilenceError. */
export async function readSilenceBody(
  bytes: Buffer,
  maxSilenceBytes: number,
  slices: Slices,
): Promise<PostableSilence> {
  if (bytes.length > bodyBytesPerByte * maxSilenceBytes) throw SilenceError.tooLarge(bytes.length, maxSilenceBytes);
  const { text } = await bodyText(bytes, slices);
  return inSlices(readSilence(text), slices);
}
