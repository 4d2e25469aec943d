import type { Alert } from '../../alert/alert.ts';
import { DebugField } from '../../runtime/logger.ts';
import type { Silence } from '../../silence/silence.ts';

/** What became of an alert of a request, as far as the receiver knows. */
export type ToldAs = 'woke' | 'silenced' | 'repeat_ignored' | 'over_limit';

/** So many alerts of one request are told of, and so many sets of silences; the rest is counted. */
const maxTold = 10_000;
const maxSilenceSets = 20;

interface Silenced {
  readonly silences: readonly string[];
  readonly hashes: number[];
}

/**
 * Which alerts a request told of, and what became of each: by the hashes that the store has of them anyway. Their names would cost
 * more than their whole way in.
 */
export class ToldAlerts {
  readonly #hashes = new Map<ToldAs, number[]>();
  readonly #silenced: Silenced[] = [];
  #told = 0;
  #more = 0;

  add({ keyHash }: Alert, as: ToldAs, silences: readonly Silence[] = []): void {
    if (this.#told++ >= maxTold) return void this.#more++;
    if (as === 'silenced') return void this.#silencedBy(silences).push(keyHash);
    const hashes = this.#hashes.get(as);
    if (hashes === undefined) this.#hashes.set(as, [keyHash]);
    else hashes.push(keyHash);
  }

  /** The field of the log: each list is 32 bits an alert, in Base64. */
  get field(): DebugField {
    return new DebugField(() => ({
      ...Object.fromEntries([...this.#hashes].map(([as, hashes]) => [as, base64(hashes)])),
      ...(this.#silenced.length > 0 && {
        silenced: this.#silenced.map(({ silences, hashes }) => ({ silences, alerts: base64(hashes) })),
      }),
      ...(this.#more > 0 && { more: this.#more }),
    }));
  }

  #silencedBy(silences: readonly Silence[]): number[] {
    const ids = silences.map(({ id }) => id);
    const known = this.#silenced.find((set) => set.silences.join() === ids.join());
    if (known !== undefined) return known.hashes;
    if (this.#silenced.length === maxSilenceSets) return this.#silenced[0]!.hashes;
    const set = { silences: ids, hashes: [] };
    this.#silenced.push(set);
    return set.hashes;
  }
}

function base64(hashes: readonly number[]): string {
  return Buffer.from(Int32Array.from(hashes).buffer).toString('base64');
}
