import { requestKey } from '../../reconcile/ports.ts';
import type { WrittenCondition } from '../ports.ts';

/** Which conditions triggers have written into which objects. */
export class ConditionNotes {
  readonly #notes = new Map<string, WrittenCondition>();

  get size(): number {
    return this.#notes.size;
  }

  all(): Iterable<WrittenCondition> {
    return this.#notes.values();
  }

  has(condition: WrittenCondition): boolean {
    return this.#notes.has(noteKey(condition));
  }

  add(condition: WrittenCondition): void {
    const { trigger, request, apiVersion, type } = condition;
    this.#notes.set(noteKey(condition), { trigger, request, apiVersion, type });
  }

  /** False if it was not known. */
  delete(condition: WrittenCondition): boolean {
    return this.#notes.delete(noteKey(condition));
  }
}

/** No part contains a line end. */
function noteKey({ trigger, request, type }: WrittenCondition): string {
  return `${trigger}\n${requestKey(request)}\n${type}`;
}
