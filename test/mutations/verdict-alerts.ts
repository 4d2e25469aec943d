import type { MutatedPart } from './mutation.ts';

const file = 'notify/verdict-alerts.ts';

export const verdictAlerts: MutatedPart = {
  name: 'verdict alerts',
  tests: ['notify/verdict-alerts.test.ts'],
  mutations: [
    { file, from: 'const periodsToEnd = 4;', to: 'const periodsToEnd = 1;', means: 'one lost request ends what fires' },
    {
      file,
      from: 'for (const entry of this.#firing.values()) entry.news |= bit;',
      to: '',
      means: 'a new Alertmanager hears nothing of what fires already',
    },
    {
      file,
      from: 'const news = this.#active | (entry.heard & this.#retired);',
      to: 'const news = this.#active;',
      means: 'a former Alertmanager never hears the end of what begins again',
    },
    {
      file,
      from: 'if (current !== undefined) this.#end(key, current, now);',
      to: '',
      means: 'the alert of the former reason never ends',
    },
    {
      file,
      from: 'entry.news = entry.heard;',
      to: 'entry.news = this.#active;',
      means: 'the end of what nobody has heard of is told',
    },
    {
      file,
      from: 'entry.news = entry.heard;',
      to: 'entry.news = 0;',
      means: 'nobody is told the end',
    },
    {
      file,
      from: 'if (entry.endsBy <= now) this.#forget(id, entry);',
      to: '',
      means: 'what has ended is kept and repeated for ever',
    },
    {
      file,
      from: 'entry.due |= entry.heard & ready;',
      to: '',
      means: 'an end is not repeated',
    },
    {
      file,
      from: 'for (const entry of this.#firing.values()) entry.due |= ready;',
      to: '',
      means: 'what fires is not repeated',
    },
    {
      file,
      from: 'ready &= ~due;',
      to: 'ready |= 0 & due;',
      means: 'a slow Alertmanager hears of the first ones again and again, and never of the last',
    },
    {
      file,
      from: 'Math.min(due.length, Math.floor(limit / shareOfDue));',
      to: '0;',
      means: 'changes without an end let what fires end by itself',
    },
    {
      file,
      from: "if (told === 'refused') entry.refused |= bit;",
      to: "if (told === 'refused') entry.refused &= ~bit;",
      means: 'an Alertmanager that does not take an alert is said to be well',
    },
    {
      file,
      from: 'if (!told && isNews) entry.news |= bit;',
      to: 'if (!told && isNews) entry.news &= ~bit;',
      means: 'a change that did not arrive is forgotten until the next repetition',
    },
    {
      file,
      from: "(what === 'news' || !isNews(entry))",
      to: 'true',
      means: 'an alert is twice in one batch',
    },
    {
      file,
      from: 'if (this.#bytes + bytes > this.#maxBytes()) return undefined;',
      to: '',
      means: 'it grows without limit',
    },
    {
      file,
      from: 'if (this.#bytes + bytes <= this.#maxBytes()) break;',
      to: 'break;',
      means: 'what has ended keeps the room of what fires',
    },
    {
      file,
      from: 'const startsAt = Math.min(entry.startsAt, ends, now);',
      to: 'const startsAt = entry.startsAt;',
      means: 'an Alertmanager refuses an alert that ends before it starts, and the batch with it',
    },
    {
      file,
      from: 'entry.endedAt === undefined && (this.#active & bit) !== 0;',
      to: 'entry.endedAt === undefined;',
      means: 'a former Alertmanager is told that it still fires',
    },
  ],
};
