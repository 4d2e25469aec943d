import type { Alert } from '../../alert/alert.ts';
import type { Silence } from '../../silence/silence.ts';
import type { LogFields } from '../../runtime/logger.ts';

/** Most silences, and most names of alerts, that a line tells. */
const maxNamed = 20;

/** Most characters of a name. */
const maxCharacters = 256;

/** Alerts that would have woken a reconcile, but for a silence. */
export class Suppressed {
  count = 0;
  readonly #silences = new Set<string>();
  readonly #alertnames = new Set<string>();

  add({ alertname: name = '(no alertname)' }: Alert, silences: readonly Silence[]): void {
    this.count++;
    for (const { id } of silences) if (this.#silences.size < maxNamed) this.#silences.add(id);
    if (this.#alertnames.size < maxNamed) this.#alertnames.add(name.slice(0, maxCharacters));
  }

  get fields(): LogFields {
    return { suppressed: this.count, silences: [...this.#silences], alertnames: [...this.#alertnames] };
  }
}
