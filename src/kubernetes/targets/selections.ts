import type { LabelSelector } from '../../trigger/trigger.ts';
import { selects } from '../../trigger/label-selector.ts';
import type { Request } from '../../reconcile/ports.ts';
import type { KindRef } from './kind-discovery.ts';
import type { CachedTarget } from './target-object.ts';

interface Selection {
  /** The version of the kind's objects for which it holds. */
  readonly version: number;
  readonly requests: readonly Request[];
}

/**
 * Which objects the selectors of triggers select, found anew only when an object of the kind came, went or changed its labels: a storm
 * of alerts must not look at thousands of objects for each alert. A selector is known by its identity, as a compiled trigger keeps it.
 */
export class Selections {
  #found = new WeakMap<LabelSelector, Map<string, Selection>>();
  readonly #versions = new Map<string, number>();

  /** @param list the objects of the kind, in a namespace or in all of them */
  find(
    kind: KindRef,
    namespace: string | undefined,
    selector: LabelSelector,
    list: () => Iterable<CachedTarget>,
  ): readonly Request[] {
    const key = `${keyOf(kind)} ${namespace ?? ''}`;
    const version = this.#versions.get(keyOf(kind)) ?? 0;
    const known = this.#found.get(selector) ?? new Map<string, Selection>();
    this.#found.set(selector, known);
    const last = known.get(key);
    if (last?.version === version) return last.requests;
    const requests: Request[] = [];
    for (const { labels, request } of list()) if (selects(selector, labels)) requests.push(request);
    known.set(key, { version, requests });
    return requests;
  }

  /** To be called when an object of the kind came, went or changed its labels. */
  forget(kind: KindRef): void {
    this.#versions.set(keyOf(kind), (this.#versions.get(keyOf(kind)) ?? 0) + 1);
  }

  /** To be called when other objects are watched. */
  forgetAll(): void {
    this.#found = new WeakMap();
  }
}

function keyOf({ apiVersion, kind }: KindRef): string {
  return `${apiVersion} ${kind}`;
}
