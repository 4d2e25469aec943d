import type { MutatedPart } from './mutation.ts';

const file = 'source/event-source.ts';

export const eventChannel: MutatedPart = {
  name: 'event channel',
  tests: ['source/event-source.test.ts'],
  mutations: [
    { file, from: "if (this.#closed) return 'closed';", to: '', means: 'it takes events after it was closed' },
    {
      file,
      from: "      this.#receiver = undefined;\n      receiver(event);\n      return 'delivered';",
      to: "      receiver(event);\n      return 'delivered';",
      means: 'a second event goes to a receiver that has one already, and is lost',
    },
    {
      file,
      from: 'this.#waiting.length < this.capacity',
      to: 'this.#waiting.length <= this.capacity',
      means: 'one more waits than may',
    },
    {
      file,
      from: 'this.#waiting.pop()!, event',
      to: 'this.#waiting.shift()!, event',
      means: 'merged into the oldest: the order is lost',
    },
    {
      file,
      from: 'this.#waiting.push(this.#merge(this.#waiting.pop()!, event));',
      to: '',
      means: 'a full channel drops the event',
    },
    {
      file,
      from: 'this.#merge(this.#waiting.pop()!, event)',
      to: 'this.#merge(event, this.#waiting.pop()!)',
      means: 'the earlier is merged into the later',
    },
    {
      file,
      from: 'const next = this.#waiting.shift();',
      to: 'const next = this.#waiting.pop();',
      means: 'the newest first',
    },
    {
      file,
      from: "if (this.#receiver !== undefined) throw new Error('the channel has a receiver that waits already');",
      to: '',
      means: 'a second receiver takes the place of the first, which waits for ever',
    },
    {
      file,
      from: 'if (next !== undefined || this.#closed)',
      to: 'if (next !== undefined && !this.#closed)',
      means: 'what waits when it is closed cannot be taken any more',
    },
    {
      file,
      from: '    this.#receiver?.(undefined);\n',
      to: '',
      means: 'who waits is never told that it was closed',
    },
  ],
};
