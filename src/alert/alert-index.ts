import type { Alert } from './alert.ts';

/**
 * Stored alerts by the hash of the text of their labels, a shortcut past hashing that text as V8 does. Each hash has one
 * place, for the alert that came last: one whose place is taken is found the longer way, so that no choice of labels can
 * make this slow.
 */
export class AlertsByText {
  readonly #alerts = new Map<number, Alert>();

  /** The alert with this key, if it is known by its hash. */
  find(key: string, textHash: number): Alert | undefined {
    const alert = this.#alerts.get(textHash);
    return alert !== undefined && alert.key === key ? alert : undefined;
  }

  set(alert: Alert, textHash: number): void {
    if (alert.textHash === textHash && this.#alerts.get(textHash) === alert) return;
    alert.textHash = textHash;
    this.#alerts.set(textHash, alert);
  }

  delete(alert: Alert): void {
    const { textHash } = alert;
    if (textHash !== undefined && this.#alerts.get(textHash) === alert) this.#alerts.delete(textHash);
  }
}
