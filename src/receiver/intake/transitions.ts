import type { AlertTransition } from './alert-intake.ts';
import type { AlertLines } from './alert-lines.ts';

/** Most transitions of one batch that are kept until the batch's own line is written. */
const maxKept = 1000;

/**
 * The alerts that began or ended with one batch. Their lines come after the batch's own, so that the log reads in order;
 * those of a very large batch are written as they come.
 */
export class Transitions {
  readonly #lines: AlertLines;
  readonly #requestId: string;
  readonly #kept: AlertTransition[] = [];

  constructor(lines: AlertLines, requestId: string) {
    this.#lines = lines;
    this.#requestId = requestId;
  }

  add(transition: AlertTransition): void {
    if (this.#kept.length < maxKept) this.#kept.push(transition);
    else this.#lines.write(transition.event, transition.alert, this.#requestId);
  }

  write(): void {
    for (const { event, alert } of this.#kept) this.#lines.write(event, alert, this.#requestId);
  }
}
