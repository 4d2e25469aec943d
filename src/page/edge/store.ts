import type { Fact } from '../../explain/schema.ts';
import { emptyState, reduce, type Action, type State } from '../core/state.ts';
import { after } from './timer.ts';

/** While nobody looks, nothing is drawn, but what comes must not pile up; milliseconds. */
const hiddenMs = 1000;

/** Holds the state. All that comes within a frame is applied together, so that a storm of facts is one drawing. */
export class Store {
  #state: State;
  #waiting: Action[] = [];
  #isPlanned = false;
  #newestId = 0;
  readonly #listeners = new Set<() => void>();

  constructor(now: number) {
    this.#state = emptyState(now);
  }

  get state(): State {
    return this.#state;
  }

  /** The newest fact that came, drawn or not. */
  get newestId(): number {
    return this.#newestId;
  }

  subscribe(listener: () => void): () => void {
    this.#listeners.add(listener);
    return () => this.#listeners.delete(listener);
  }

  dispatch(action: Action): void {
    if (action.type === 'facts') for (const { id } of action.items) this.#newestId = Math.max(this.#newestId, id);
    this.#waiting.push(action);
    if (this.#isPlanned) return;
    this.#isPlanned = true;
    const apply = (): void => this.#apply();
    if (document.hidden) after(hiddenMs, apply);
    else requestAnimationFrame(apply);
  }

  /** After a restart with an empty history the ids begin anew. */
  forgetIds(): void {
    this.#newestId = 0;
  }

  #apply(): void {
    this.#isPlanned = false;
    const actions = joined(this.#waiting);
    this.#waiting = [];
    this.#state = actions.reduce(reduce, this.#state);
    for (const listener of this.#listeners) listener();
  }
}

/** Facts that follow each other become one action. */
function joined(actions: readonly Action[]): readonly Action[] {
  const found: Action[] = [];
  let facts: Fact[] | undefined;
  for (const action of actions) {
    if (action.type !== 'facts') {
      facts = undefined;
      found.push(action);
    } else if (facts === undefined) {
      facts = [...action.items];
      found.push({ type: 'facts', items: facts });
    } else for (const fact of action.items) facts.push(fact);
  }
  return found;
}
