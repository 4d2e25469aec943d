import type { Alert } from './alert.ts';

/**
 * Alerts in the order of their deadlines: a binary heap in which each alert knows its place, so that an alert stands in it
 * once, however often its deadline is brought forward. Every operation costs O(log n).
 */
export class DeadlineHeap {
  readonly #alerts: Alert[] = [];
  /** Of the alert at the same place, milliseconds. Beside the alerts: as a field of each, V8 would give every number an object. */
  readonly #deadlines: number[] = [];

  /** The alert whose deadline comes first; undefined if there is none. */
  get first(): Alert | undefined {
    return this.#alerts[0];
  }

  /** Of the first; undefined if there is none. */
  get firstDeadline(): number | undefined {
    return this.#deadlines[0];
  }

  get size(): number {
    return this.#alerts.length;
  }

  /** Undefined if the alert is not in here. */
  deadlineOf({ heapIndex }: Alert): number | undefined {
    return heapIndex < 0 ? undefined : this.#deadlines[heapIndex];
  }

  /** Adds the alert, or moves it if it is in here already. */
  set(alert: Alert, deadline: number): void {
    if (alert.heapIndex < 0) this.#rise(alert, deadline, this.#alerts.length);
    else this.#move(alert, deadline, alert.heapIndex);
  }

  /** Takes the alert out; does nothing if it is not in here. */
  delete(alert: Alert): void {
    const index = alert.heapIndex;
    if (index < 0) return;
    alert.heapIndex = -1;
    const last = this.#alerts.pop()!;
    const deadline = this.#deadlines.pop()!;
    if (last !== alert) this.#move(last, deadline, index);
  }

  /** To where it belongs, from a place that is free for it. */
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
