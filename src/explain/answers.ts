import type { ServerResponse } from 'node:http';
import { Slices, type SliceSchedule } from '../runtime/slices.ts';
import { Slots } from '../runtime/slots.ts';
import { answer, nameMissingPeers } from '../server/request/answer.ts';
import type { MergedItems } from './replica-answers.ts';

/** The number of questions that are answered at once; further ones wait. */
const questionSlots = 4;

/** Finds the answers to questions, a few at once, and writes them. Rejects with the error of a question, before it has written anything. */
export class Answers {
  readonly #schedule: SliceSchedule;
  readonly #slots = new Slots(questionSlots);

  constructor(schedule: SliceSchedule) {
    this.#schedule = schedule;
  }

  /** Whatever it takes is found first. */
  async one(response: ServerResponse, find: () => Promise<object>): Promise<void> {
    const release = await this.#slots.acquire();
    try {
      const found = await find();
      nameMissingPeers(response, (found as Pick<MergedItems<unknown>, 'missing_replicas'>).missing_replicas);
      answerWith(response, 200, JSON.stringify(found));
    } finally {
      release();
    }
  }

  /** Written item by item, because a thousand runs are megabytes. */
  async list(response: ServerResponse, find: () => Promise<MergedItems<unknown>>): Promise<void> {
    const release = await this.#slots.acquire();
    try {
      const { items, next, missing_replicas: missing } = await find();
      const slices = new Slices(this.#schedule, 'history');
      const texts: string[] = [];
      for (const item of items) {
        texts.push(JSON.stringify(item));
        if (slices.isOver) await slices.yieldTurn();
      }
      const rest = JSON.stringify({ next, missing_replicas: missing }).slice(1);
      const end = rest === '}' ? '' : `,${rest.slice(0, -1)}`;
      nameMissingPeers(response, missing);
      answerWith(response, 200, `{"items":[${texts.join(',')}]${end}}`);
    } finally {
      release();
    }
  }
}

export function answerWith(response: ServerResponse, status: number, json: string): void {
  answer(response, status, 'application/json', `${json}\n`, { 'Cache-Control': 'no-store' });
}
