import { Alert } from './alert.ts';
import { TextHash } from './text-hash.ts';

/** The alert with one hash; or those with it, by their keys, which V8 hashes in its own way. */
type Place = Alert | Map<string, Alert>;

/**
 * Stored alerts by their keys: by the hash of the key, which a reader of bodies has sooner than V8 would have its own. Of
 * 100,000 alerts one or two share theirs; if somebody chooses labels for which all do, nothing becomes slower than a Map.
 */
export class AlertIndex {
  readonly #places = new Map<number, Place>();
  #size = 0;

  get size(): number {
    return this.#size;
  }

  /** @param hash see {@link Alert.keyHash}; for whoever knows it already */
  find(key: string, hash = TextHash.of(key)): Alert | undefined {
    const place = this.#places.get(hash);
    if (place instanceof Alert) return place.key === key ? place : undefined;
    return place?.get(key);
  }

  /** Adds an alert whose key is not in here. */
  add(alert: Alert): void {
    const place = this.#places.get(alert.keyHash);
    if (place === undefined) this.#places.set(alert.keyHash, alert);
    else if (place instanceof Alert) this.#places.set(alert.keyHash, mapOf(place, alert));
    else place.set(alert.key, alert);
    this.#size++;
  }

  /** Takes out an alert that is in here. */
  delete(alert: Alert): void {
    const place = this.#places.get(alert.keyHash);
    if (place instanceof Map) place.delete(alert.key);
    if (!(place instanceof Map) || place.size === 0) this.#places.delete(alert.keyHash);
    this.#size--;
  }

  /** All of them. It may be read bit by bit: what comes or goes meanwhile may be in it or not. */
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
