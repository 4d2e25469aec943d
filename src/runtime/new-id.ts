import { randomUUID } from 'node:crypto';

/**
 * A random name of `bytes` bytes, in hexadecimal digits. It is made from UUIDs, because Node keeps random bytes for them in
 * stock: that costs a tenth of asking the system for a few bytes. Only the first and the last eight digits of a UUID are fully
 * random.
 */
export function newId(bytes: number): string {
  let digits = '';
  while (digits.length < 2 * bytes) {
    const uuid = randomUUID();
    digits += uuid.slice(0, 8) + uuid.slice(-8);
  }
  return digits.slice(0, 2 * bytes);
}
