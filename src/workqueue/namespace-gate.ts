import { requestKey, type Request } from '../reconcile/ports.ts';

interface Gate {
  /** How many keys wait in p-queue or are worked on. */
  inside: number;
  /** In the order of arrival. */
  readonly held: Map<string, Request>;
}

/**
 * Lets so many keys of a namespace into p-queue at once, for each priority, and holds the others. Otherwise a team whose alerts wake
 * many objects, with much to do for each, would hold all workers, and everybody else would wait behind all of its objects.
 *
 * Priorities count apart: alerts of a namespace must not be held because periodic looks of it wait behind the alerts of others.
 */
export class NamespaceGate {
  readonly #limit: () => number;
  readonly #gates = new Map<string, Gate>();
  /** The gate of every key that is inside or held. */
  readonly #places = new Map<string, string>();

  /** @param limit the most keys of a namespace and priority inside */
  constructor(limit: () => number) {
    this.#limit = limit;
  }

  /** @returns false if the key is held, until {@link leave} gives it or {@link take} takes it */
  enter(request: Request, priority: string): boolean {
    const key = requestKey(request);
    const name = `${request.namespace} ${priority}`;
    const gate = this.#gates.get(name) ?? { inside: 0, held: new Map<string, Request>() };
    this.#gates.set(name, gate);
    this.#places.set(key, name);
    if (gate.inside < this.#limit()) {
      gate.inside++;
      return true;
    }
    gate.held.set(key, request);
    return false;
  }

  /** @returns true if the key was held, and is no longer */
  take(request: Request): boolean {
    const key = requestKey(request);
    const isTaken = this.#gateOf(key)?.held.delete(key) ?? false;
    if (isTaken) this.#places.delete(key);
    return isTaken;
  }

  /** The work on the key has ended. @returns what enters now */
  leave(request: Request): readonly Request[] {
    const key = requestKey(request);
    const name = this.#places.get(key);
    const gate = this.#gateOf(key);
    if (name === undefined || gate === undefined || gate.held.has(key)) return [];
    this.#places.delete(key);
    gate.inside--;
    const entered: Request[] = [];
    for (const [next, held] of gate.held) {
      if (gate.inside >= this.#limit()) break;
      gate.held.delete(next);
      gate.inside++;
      entered.push(held);
    }
    if (gate.inside === 0) this.#gates.delete(name);
    return entered;
  }

  #gateOf(key: string): Gate | undefined {
    const name = this.#places.get(key);
    return name === undefined ? undefined : this.#gates.get(name);
  }
}
