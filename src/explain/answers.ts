import type { ServerResponse } from 'node:http';
import { Slices, type SliceSchedule } from '../runtime/slices.ts';
import { Slots } from '../runtime/slots.ts';
import { answer } from '../server/request/answer.ts';

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
  async one(response: ServerResponse, find: () => Promise<unknown>): Promise<void> {
    const release = await this.#slots.acquire();
    try {
      answerWith(response, 200, JSON.stringify(await find()));
    } finally {
      release();
    }
  }

  /** Written item by item, because a thousand runs are megabytes. */
  async list(
    response: ServerResponse,
    find: () => Promise<{ readonly items: readonly unknown[]; readonly next?: string | undefined }>,
  ): Promise<void> {
    const release = await this.#slots.acquire();
    try {
      const { items, next } = await find();
      const slices = new Slices(this.#schedule, 'history');
      const texts: string[] = [];
      for (const item of items) {
        texts.push(JSON.stringify(item));
        if (slices.isOver) await slices.yieldTurn();
      }
      const end = next === undefined ? '' : `,"next":${JSON.stringify(next)}`;
      answerWith(response, 200, `{"items":[${texts.join(',')}]${end}}`);
    } finally {
      release();
    }
  }
}

export function answerWith(response: ServerResponse, status: number, json: string): void {
  answer(response, status, 'application/json', `${json}\n`, { 'Cache-Control': 'no-store' });
}
