import { Allowance, selectOf } from '../text/json-selection.ts';
import type { ApiCall } from './api/api-transport.ts';
import { ApiError } from './api/api-error.ts';

/** What a client would return of a server's answer. */
export function keptAnswer({ keep, method, path }: ApiCall, answer: unknown): unknown {
  if (keep === undefined) return structuredClone(answer);
  const allowance = new Allowance(keep.bytes);
  const text = JSON.stringify(answer);
  const isTooLong = keep.maxTextBytes !== undefined && Buffer.byteLength(text) > keep.maxTextBytes;
  const selected = selectOf(text, keep.selection, allowance);
  if (isTooLong || allowance.isSpent)
    throw new ApiError(`${method} ${path}: too large`, { status: 200, reason: 'TooLarge' });
  return selected?.value;
}
