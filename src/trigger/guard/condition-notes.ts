import { requestKey, type Request } from '../../reconcile/ports.ts';
import type { WrittenCondition, WrittenConditions } from '../ports.ts';

/** The most reasons that are remembered of one entry: a read may be older than the last writes. */
const maxReasons = 20;

/** A reason that an entry has or had because of triggers. */
export interface WrittenReason {
  readonly request: Request;
  readonly type: string;
  readonly reason: string;
}

/** An entry of an object, for which one or more triggers are noted. */
interface Entry {
  notes: number;
  readonly request: Request;
  readonly type: string;
  readonly reasons: Set<string>;
}

/** Which conditions triggers have written into which objects, and with which reasons. */
export class ConditionNotes {
  readonly #notes = new Map<string, WrittenCondition>();
  readonly #entries = new Map<string, Entry>();

  get size(): number {
    return this.#notes.size;
  }

  all(): Iterable<WrittenCondition> {
    return this.#notes.values();
  }

  /** The oldest one of each entry first. */
  *reasons(): Iterable<WrittenReason> {
    for (const { request, type, reasons } of this.#entries.values())
      for (const reason of reasons) yield { request, type, reason };
  }

  has(condition: WrittenCondition): boolean {
    return this.#notes.has(noteKey(condition));
  }

  add(condition: WrittenCondition): void {
    const { trigger, request, apiVersion, type } = condition;
    if (!this.has(condition)) {
      const entry = this.#entries.get(entryKey(condition)) ?? { notes: 0, request, type, reasons: new Set() };
      entry.notes++;
      this.#entries.set(entryKey(condition), entry);
    }
    this.#notes.set(noteKey(condition), { trigger, request, apiVersion, type });
  }

  /** False if it was not known. */
  delete(condition: WrittenCondition): boolean {
    const isKnown = this.#notes.delete(noteKey(condition));
    const entry = this.#entries.get(entryKey(condition));
    if (isKnown && entry !== undefined && --entry.notes === 0) this.#entries.delete(entryKey(condition));
    return isKnown;
  }

  reasonsOf(request: Request, type: string): ReadonlySet<string> | undefined {
    const reasons = this.#entries.get(entryKey({ request, type }))?.reasons;
    return reasons === undefined || reasons.size === 0 ? undefined : reasons;
  }

  /** False if it is the newest one already, or the entry is not noted. */
  addReason({ request, type, reason }: WrittenReason): boolean {
    const reasons = this.#entries.get(entryKey({ request, type }))?.reasons;
    if (reasons === undefined) return false;
    const isNew = !reasons.delete(reason);
    reasons.add(reason);
    if (reasons.size > maxReasons) reasons.delete(reasons.values().next().value!);
    return isNew;
  }
}

/** For the file of the guard, which reads them. */
export function wroteRecord(wrote: WrittenCondition): unknown {
  return { wrote };
}

export function reasonRecord(reason: WrittenReason): unknown {
  return { reason };
}

function removedRecord(removed: WrittenCondition): unknown {
  return { removed };
}

/** The notes, of which each change is written down. */
export class StoredConditions implements WrittenConditions {
  readonly #notes: ConditionNotes;
  /** Resolves when the record is on the disk. Never rejects. */
  readonly #write: (record: unknown) => Promise<void>;

  constructor(notes: ConditionNotes, write: (record: unknown) => Promise<void>) {
    this.#notes = notes;
    this.#write = write;
  }

  all(): Iterable<WrittenCondition> {
    return this.#notes.all();
  }

  async note(condition: WrittenCondition): Promise<void> {
    if (this.#notes.has(condition)) return;
    this.#notes.add(condition);
    await this.#write(wroteRecord(condition));
  }

  forget(condition: WrittenCondition): void {
    if (this.#notes.delete(condition)) void this.#write(removedRecord(condition));
  }

  reasonsOf(request: Request, type: string): ReadonlySet<string> | undefined {
    return this.#notes.reasonsOf(request, type);
  }

  async noteReason(request: Request, type: string, reason: string): Promise<void> {
    const written = { request, type, reason };
    if (this.#notes.addReason(written)) await this.#write(reasonRecord(written));
  }
}

/** No part contains a line end. */
function entryKey({ request, type }: Pick<WrittenReason, 'request' | 'type'>): string {
  return `${requestKey(request)}\n${type}`;
}

function noteKey(condition: WrittenCondition): string {
  return `${condition.trigger}\n${entryKey(condition)}`;
}
