import { Alert } from './alert.ts';
import { TextHash } from './labels.ts';

/** The only alert with a hash; or all alerts with it, by their keys, which V8 hashes in its own way. */
type Place = Alert | Map<string, Alert>;

/**
 * Stored alerts by their keys, found by the hash of the key: a reader of bodies has that hash before V8 would have computed its
 * own. Of 100,000 alerts one or two share a hash. If a sender chooses labels so that all of them do, the index is no slower than
 * a Map.
 */
export class AlertIndex {
  readonly #places = new Map<number, Place>();
  #size = 0;

  get size(): number {
    return this.#size;
  }

  /** @param hash see {@link Alert.keyHash}; for a caller that knows it already */
  find(key: string, hash = TextHash.of(key)): Alert | undefined {
    const place = this.#places.get(hash);
    if (place instanceof Alert) return place.key === key ? place : undefined;
    return place?.get(key);
  }

  /** Adds an alert whose key is not in the index. */
  add(alert: Alert): void {
    const place = this.#places.get(alert.keyHash);
    if (place === undefined) this.#places.set(alert.keyHash, alert);
    else if (place instanceof Alert) this.#places.set(alert.keyHash, mapOf(place, alert));
    else place.set(alert.key, alert);
    this.#size++;
  }

  /** Deletes an alert that is in the index. */
  delete(alert: Alert): void {
    const place = this.#places.get(alert.keyHash);
    if (place instanceof Map) place.delete(alert.key);
    if (!(place instanceof Map) || place.size === 0) this.#places.delete(alert.keyHash);
    this.#size--;
  }

  /** All alerts. The caller may pause between them: an alert that is added or deleted meanwhile may or may not be given. */
  *values(): Generator<Alert, void> {
    for (const place of this.#places.values()) {
      if (place instanceof Alert) yield place;
      else yield* place.values();
    }
  }
}

function mapOf(...alerts: readonly Alert[]): Map<string, Alert> {
  return new Map(alerts.map((alert) => [alert.key, alert]));
}
