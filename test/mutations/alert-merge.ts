import type { MutatedPart } from './mutation.ts';

const file = 'alert/alert.ts';
const times = 'alert/alert.ts';

export const alertMerge: MutatedPart = {
  name: 'alert merge',
  tests: ['alert/alert.test.ts'],
  mutations: [
    {
      file,
      from: 'if (!overlaps(stored, received)) return received;',
      to: '',
      means: 'a new episode begins when the last one did',
    },
    {
      file,
      from: 'stored.updatedAt > received.updatedAt ?',
      to: 'stored.updatedAt < received.updatedAt ?',
      means: 'the older of two wins',
    },
    {
      file,
      from: 'received.endsAt < stored.endsAt;',
      to: 'received.endsAt <= stored.endsAt;',
      means: 'an alert that ends with the stored one ends within it',
    },
    {
      file,
      from: 'received.startsAt > stored.startsAt &&',
      to: 'received.startsAt >= stored.startsAt &&',
      means: 'the usual re-send is merged',
    },
    { file, from: 'endsWithin || startsWithin', to: 'endsWithin', means: 'who starts within the stored is a new one' },
    {
      file,
      from: 'Math.min(older.startsAt, younger.startsAt)',
      to: 'younger.startsAt',
      means: 'the start moves on with every re-send',
    },
    {
      file,
      from: 'Math.max(older.endsAt, younger.endsAt)',
      to: 'Math.min(older.endsAt, younger.endsAt)',
      means: 'of two resolves the earlier counts',
    },
    {
      file,
      from: 'older.endsAt > younger.endsAt && !older.timeout',
      to: 'older.endsAt > younger.endsAt',
      means: 'a time-out of our own is kept against what the sender says',
    },
    { file: times, from: 'endsAt <= now;', to: 'endsAt < now;', means: 'an alert fires at its end' },
    {
      file: times,
      from: 'startsAt: startsAt ?? endsAt ?? now,',
      to: 'startsAt: startsAt ?? now,',
      means: 'an end without a start is refused',
    },
  ],
};
