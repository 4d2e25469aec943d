import type { Request } from '../reconcile/ports.ts';
import type { Target, Trigger } from './trigger.ts';

/** Stands for any kind, or any namespace. */
const any = '*';

interface Place {
  readonly kind: string;
  readonly namespace: string;
}

/**
 * Which triggers an alert may lead to an object that they do not name themselves, filed by the kind and the namespace of the object.
 * Whether a trigger may wake what it is led to is another question.
 */
export class LedObjects {
  readonly #byKind = new Map<string, Map<string, Set<Trigger>>>();
  readonly #places = new Map<string, { readonly trigger: Trigger; readonly places: readonly Place[] }>();

  /** @param targets those that an alert has to name */
  set(trigger: Trigger, targets: readonly Target[]): void {
    this.delete(trigger.key);
    const places = targets.map((target) => placeOf(trigger, target));
    this.#places.set(trigger.key, { trigger, places });
    for (const { kind, namespace } of places) {
      const byNamespace = this.#byKind.get(kind) ?? new Map<string, Set<Trigger>>();
      this.#byKind.set(kind, byNamespace);
      byNamespace.set(namespace, (byNamespace.get(namespace) ?? new Set()).add(trigger));
    }
  }

  delete(key: string): void {
    const known = this.#places.get(key);
    if (known === undefined) return;
    this.#places.delete(key);
    for (const { kind, namespace } of known.places) {
      const byNamespace = this.#byKind.get(kind);
      const triggers = byNamespace?.get(namespace);
      triggers?.delete(known.trigger);
      if (triggers?.size === 0) byNamespace?.delete(namespace);
      if (byNamespace?.size === 0) this.#byKind.delete(kind);
    }
  }

  /** True if an alert may lead one of the triggers to an object of the kind. */
  hasKind(kind: string): boolean {
    return this.#byKind.has(kind) || this.#byKind.has(any);
  }

  /** The triggers that an alert may lead to the object, each once. */
  leadersTo({ kind, namespace }: Pick<Request, 'kind' | 'namespace'>): readonly Trigger[] {
    const kinds = [kind, any].flatMap((each) => this.#byKind.get(each) ?? []);
    // The namespace of a target is dropped if its kind has none.
    const filed = kinds.flatMap((byNamespace) =>
      namespace === undefined
        ? [...byNamespace.values()]
        : [namespace, any].flatMap((each) => byNamespace.get(each) ?? []),
    );
    return [...new Set(filed.flatMap((triggers) => [...triggers]))];
  }
}

/** An owner may be of any kind, and in no namespace. */
function placeOf({ namespace: own }: Trigger, { kind = any, namespace }: Target): Place {
  if (namespace === undefined) return { kind, namespace: own ?? any };
  return { kind, namespace: namespace.isFixed ? namespace.render(noAlert) : any };
}

const noAlert = { labels: {}, annotations: {}, now: 0 };
