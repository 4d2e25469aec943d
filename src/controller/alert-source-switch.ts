import type { AlertSnapshot, AlertSource } from './ports.ts';

/** The truth about alerts where it can be exchanged while reconciles run: those that have asked already get their answer. */
export class AlertSourceSwitch implements AlertSource {
  #current: AlertSource;

  constructor(current: AlertSource) {
    this.#current = current;
  }

  get pulls(): boolean {
    return this.#current.pulls;
  }

  use(next: AlertSource): void {
    this.#current = next;
  }

  snapshot(notBefore: number, requestIds: readonly string[], signal: AbortSignal): Promise<AlertSnapshot> {
    return this.#current.snapshot(notBefore, requestIds, signal);
  }
}
