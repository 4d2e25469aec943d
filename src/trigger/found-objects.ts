import type { Cause } from '../cause/cause.ts';
import { Causes } from '../cause/causes.ts';
import { emptyLike } from './matched-alerts.ts';
import { requestKey, type Choice, type ChosenBy, type Request } from '../reconcile/ports.ts';
import type { Trigger } from './trigger.ts';

/** Objects by the triggers that chose them, each with its causes. */
export class FoundObjects {
  readonly #event: Causes;
  /** The causes that were made here and may grow, with the keys of their alerts. */
  readonly #own = new Map<Causes, Set<string>>();
  readonly #objects = new Map<string, { readonly request: Request; readonly by: Map<string, Causes> }>();

  /** @param event the causes of all of them together */
  constructor(event: Causes) {
    this.#event = event;
  }

  has(request: Request): boolean {
    return this.#objects.has(requestKey(request));
  }

  /** @param causes are not changed: they are those of all objects that the trigger names whatever fires */
  add(request: Request, trigger: Trigger, causes: Causes): void {
    this.#of(request).set(trigger.key, causes);
  }

  addCause(request: Request, trigger: Trigger, cause: Cause): void {
    const by = this.#of(request);
    const known = by.get(trigger.key);
    const keys = (known && this.#own.get(known)) ?? new Set(known?.alerts.keys());
    if (keys.has(cause.key)) return;
    const causes = known !== undefined && this.#own.has(known) ? known : this.#copyOf(known);
    causes.addCause(cause);
    this.#own.set(causes, keys.add(cause.key));
    by.set(trigger.key, causes);
  }

  /** Objects that were chosen for the very same reasons are in one choice. */
  choices(): readonly Choice[] {
    const groups = new Map<
      string,
      { readonly requests: Request[]; readonly causes: Causes; readonly chosenBy: ChosenBy }
    >();
    const ids = new Map<Causes, number>();
    for (const { request, by } of this.#objects.values()) {
      const id = [...by].map(([key, causes]) => `${key} ${idOf(ids, causes)}`).join('\n');
      const group = groups.get(id);
      if (group !== undefined) group.requests.push(request);
      else groups.set(id, { requests: [request], causes: unionOf([...by.values()]), chosenBy: by });
    }
    return [...groups.values()];
  }

  #copyOf(known: Causes | undefined): Causes {
    const causes = emptyLike(this.#event);
    if (known !== undefined) causes.absorb(known);
    return causes;
  }

  #of(request: Request): Map<string, Causes> {
    const key = requestKey(request);
    const known = this.#objects.get(key);
    if (known !== undefined) return known.by;
    const by = new Map<string, Causes>();
    this.#objects.set(key, { request, by });
    return by;
  }
}

/** One choice for each object: what two found together is one. */
export function mergeChoices(byDefault: Choice | undefined, chosen: readonly Choice[]): readonly Choice[] {
  if (byDefault === undefined) return chosen;
  if (chosen.length === 0) return [byDefault];
  const others = new Set(chosen.flatMap(({ requests }) => requests.map(requestKey)));
  const own = new Set(byDefault.requests.map(requestKey));
  const rest = byDefault.requests.filter((request) => !others.has(requestKey(request)));
  const both = chosen.flatMap(({ requests, causes, chosenBy }): readonly Choice[] => {
    const [shared, alone] = [true, false].map((isShared) =>
      requests.filter((request) => own.has(requestKey(request)) === isShared),
    ) as [Request[], Request[]];
    return [
      { requests: alone, causes, chosenBy },
      { requests: shared, causes: byDefault.causes, chosenBy: new Map([...byDefault.chosenBy, ...chosenBy]) },
    ];
  });
  return [{ ...byDefault, requests: rest }, ...both].filter(({ requests }) => requests.length > 0);
}

function unionOf(all: readonly Causes[]): Causes {
  return all.reduce((union, causes) => Causes.union(union, causes));
}

function idOf(ids: Map<Causes, number>, causes: Causes): number {
  const id = ids.get(causes) ?? ids.size;
  ids.set(causes, id);
  return id;
}
