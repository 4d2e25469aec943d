/**
 * Work that goes before other work, at each place where it would have to wait. A signal accompanies a call through all layers down to
 * the socket, so it is also what the call is known by.
 */
export class UrgentSignals {
  readonly #signals = new WeakSet<AbortSignal>();

  add(signal: AbortSignal): void {
    this.#signals.add(signal);
  }

  /** True for exactly the signals that were added, not for those made from them. */
  has(signal: AbortSignal): boolean {
    return this.#signals.has(signal);
  }
}
