import type { Fact } from '../../explain/schema.ts';
import { emptyState, reduce, type Action, type State } from '../core/state.ts';
import { after } from './timer.ts';

/** Facts wait so long for others, so that a storm of them is a few drawings a second. While nobody looks they wait for longer; milliseconds. */
const restMs = 200;
const hiddenMs = 1000;

/** Holds the state. All that comes within a short time is applied together. */
export class Store {
  #state: State;
  #waiting: Action[] = [];
  #isPlanned = false;
  #isUrgent = false;
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
    this.#plan(action.type !== 'facts');
  }

  #plan(isUrgent: boolean): void {
    if (this.#isUrgent || (this.#isPlanned && !isUrgent)) return;
    this.#isPlanned = true;
    this.#isUrgent = isUrgent;
    const draw = (): void => void requestAnimationFrame(() => this.#apply());
    if (document.hidden) after(hiddenMs, () => this.#apply());
    else if (isUrgent) draw();
    else after(restMs, draw);
  }

  /** After a restart with an empty history the ids begin anew. */
  forgetIds(): void {
    this.#newestId = 0;
  }

  #apply(): void {
    this.#isPlanned = false;
    this.#isUrgent = false;
    if (this.#waiting.length === 0) return;
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
