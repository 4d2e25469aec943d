/**
 * Does only so many pieces of work in one turn of the event loop, each of them at once if it can be; the others wait for the
 * turns that follow, in their order. For what is little work, but may come by the thousand in one turn.
 */
export class InTurns {
  readonly #perTurn: number;
  readonly #nextTurn: (run: () => void) => void;
  #waiting: (() => void)[] = [];
  #doneInTurn = 0;

  /** @param nextTurn runs something in the next turn; a parameter for the tests */
  constructor(perTurn: number, nextTurn: (run: () => void) => void = setImmediate) {
    this.#perTurn = perTurn;
    this.#nextTurn = nextTurn;
  }

  do(work: () => void): void {
    if (this.#doneInTurn === this.#perTurn || this.#waiting.length > 0) this.#waiting.push(work);
    else this.#doNow(work);
  }

  #doNow(work: () => void): void {
    if (this.#doneInTurn++ === 0) this.#nextTurn(() => this.#turn());
    work();
  }

  #turn(): void {
    this.#doneInTurn = 0;
    for (const work of this.#waiting.splice(0, this.#perTurn)) this.#doNow(work);
  }
}
