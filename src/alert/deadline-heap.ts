import type { Alert } from './alert.ts';

/**
 * Alerts in the order of their deadlines: a binary heap in which each alert knows its place. So an alert is in it only once,
 * however often its deadline is brought forward. Every operation costs O(log n).
 */
export class DeadlineHeap {
  readonly #alerts: Alert[] = [];
  /**
   * The deadline of the alert at the same index, milliseconds. It is not a field of the alert: V8 would allocate an object for
   * each number.
   */
  readonly #deadlines: number[] = [];

  /** The alert with the first deadline; undefined if the heap is empty. */
  get first(): Alert | undefined {
    return this.#alerts[0];
  }

  /** The first deadline; undefined if the heap is empty. */
  get firstDeadline(): number | undefined {
    return this.#deadlines[0];
  }

  get size(): number {
    return this.#alerts.length;
  }

  /** Undefined if the alert is not in the heap. */
  deadlineOf({ heapIndex }: Alert): number | undefined {
    return heapIndex < 0 ? undefined : this.#deadlines[heapIndex];
  }

  /** Adds the alert, or moves it if it is in the heap already. */
  set(alert: Alert, deadline: number): void {
    if (alert.heapIndex < 0) this.#rise(alert, deadline, this.#alerts.length);
    else this.#move(alert, deadline, alert.heapIndex);
  }

  /** Deletes the alert; does nothing if it is not in the heap. */
  delete(alert: Alert): void {
    const index = alert.heapIndex;
    if (index < 0) return;
    alert.heapIndex = -1;
    const last = this.#alerts.pop()!;
    const deadline = this.#deadlines.pop()!;
    if (last !== alert) this.#move(last, deadline, index);
  }

  /** Moves an alert up or down from a free index to its place. */
  #move(alert: Alert, deadline: number, index: number): void {
    const parent = (index - 1) >> 1;
    if (index > 0 && this.#deadlines[parent]! > deadline) this.#rise(alert, deadline, index);
    else this.#sink(alert, deadline, index);
  }

  #rise(alert: Alert, deadline: number, from: number): void {
    let index = from;
    while (index > 0) {
      const parent = (index - 1) >> 1;
      if (this.#deadlines[parent]! <= deadline) break;
      this.#place(this.#alerts[parent]!, this.#deadlines[parent]!, index);
      index = parent;
    }
    this.#place(alert, deadline, index);
  }

  #sink(alert: Alert, deadline: number, from: number): void {
    let index = from;
    for (let child = this.#earlierChild(index); child !== undefined; child = this.#earlierChild(index)) {
      if (this.#deadlines[child]! >= deadline) break;
      this.#place(this.#alerts[child]!, this.#deadlines[child]!, index);
      index = child;
    }
    this.#place(alert, deadline, index);
  }

  #earlierChild(index: number): number | undefined {
    const deadlines = this.#deadlines;
    const left = 2 * index + 1;
    const right = left + 1;
    if (left >= deadlines.length) return undefined;
    return right < deadlines.length && deadlines[right]! < deadlines[left]! ? right : left;
  }

  #place(alert: Alert, deadline: number, index: number): void {
    this.#alerts[index] = alert;
    this.#deadlines[index] = deadline;
    alert.heapIndex = index;
  }
}
