import { gunzipSync, gzipSync } from 'node:zlib';
import type { Trigger } from '../trigger.ts';

/** Where the state of the guard is kept for the next leader. */
export interface SharedGuard {
  /** @param text gives the state whenever it is written; null: there is none */
  offer(text: () => string | null): void;
  /** Resolves once all changes so far are stored, or when it is clear that they will not be soon. Never rejects. */
  stored(): Promise<void>;
}

/** The longest text, in characters: it is in an annotation, and Kubernetes allows 256 KiB for all of an object. */
const maxSharedLength = 96 * 1024;
/** The longest state that is read, bytes. */
const maxStateBytes = 16 * 1024 * 1024;
/** A shorter least interval is over when the next leader has looked around, milliseconds. */
const shortIntervalMs = 10_000;

/** Whether the next leader has to know what the trigger has done. */
export function isShared({ budget, minIntervalMs }: Pick<Trigger, 'budget' | 'minIntervalMs'>): boolean {
  return budget !== undefined || minIntervalMs > shortIntervalMs;
}

/**
 * The records as one short text. If it is too long, the oldest ones are left out.
 * @returns how many were left out, too; null: there are none
 */
export function packed(records: readonly unknown[]): { readonly text: string | null; readonly leftOut: number } {
  for (let kept = records; kept.length > 0; kept = kept.slice(Math.ceil(kept.length / 4))) {
    const text = gzipSync(JSON.stringify(kept)).toString('base64');
    if (text.length <= maxSharedLength) return { text, leftOut: records.length - kept.length };
  }
  return { text: null, leftOut: records.length };
}

/** The records; undefined if the text is none of ours. */
export function unpacked(text: string): readonly unknown[] | undefined {
  try {
    const bytes = gunzipSync(Buffer.from(text, 'base64'), { maxOutputLength: maxStateBytes });
    const found: unknown = JSON.parse(bytes.toString('utf8'));
    return Array.isArray(found) ? (found as readonly unknown[]) : undefined;
  } catch {
    return undefined;
  }
}
