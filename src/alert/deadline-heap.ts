import type { Alert } from './alert.ts';

/**
 * Alerts in the order of their deadlines: a binary heap in which each alert knows its place, so that an alert stands in it
 * once, however often its deadline is brought forward. Every operation costs O(log n).
 */
export class DeadlineHeap {
  readonly #alerts: Alert[] = [];

  /** The alert whose deadline comes first; undefined if there is none. */
  get first(): Alert | undefined {
    return this.#alerts[0];
  }

  get size(): number {
    return this.#alerts.length;
  }

  /** Adds the alert, or moves it if it is in here already. */
  set(alert: Alert, deadline: number): void {
    const later = alert.heapIndex >= 0 && deadline > alert.deadline;
    alert.deadline = deadline;
    if (alert.heapIndex < 0) alert.heapIndex = this.#alerts.push(alert) - 1;
    if (later) this.#sink(alert);
    else this.#rise(alert);
  }

  /** Takes the alert out; does nothing if it is not in here. */
  delete(alert: Alert): void {
    const index = alert.heapIndex;
    if (index < 0) return;
    alert.heapIndex = -1;
    const last = this.#alerts.pop()!;
    if (last === alert) return;
    this.#place(last, index);
    this.#rise(last);
    this.#sink(last);
  }

  #rise(alert: Alert): void {
    let index = alert.heapIndex;
    while (index > 0) {
      const parentIndex = (index - 1) >> 1;
      const parent = this.#alerts[parentIndex]!;
      if (parent.deadline <= alert.deadline) break;
      this.#place(parent, index);
      index = parentIndex;
    }
    this.#place(alert, index);
  }

  #sink(alert: Alert): void {
    let index = alert.heapIndex;
    for (let child = this.#earlierChild(index); child !== undefined; child = this.#earlierChild(index)) {
      if (child.deadline >= alert.deadline) break;
      const childIndex = child.heapIndex;
      this.#place(child, index);
      index = childIndex;
    }
    this.#place(alert, index);
  }

  #earlierChild(index: number): Alert | undefined {
    const left = this.#alerts[2 * index + 1];
    const right = this.#alerts[2 * index + 2];
    return left !== undefined && right !== undefined && right.deadline < left.deadline ? right : left;
  }

  #place(alert: Alert, index: number): void {
    this.#alerts[index] = alert;
    alert.heapIndex = index;
  }
}
