import { Matcher } from '../matcher/matcher.ts';
import type { Silence } from './silence.ts';

/** A silence for `job="node"` from 1000 to 2000, with the given fields instead. */
export function testSilence(id: string, given: Partial<Silence> = {}): Silence {
  return {
    id,
    matchers: [new Matcher('job', 'node', '=')],
    startsAt: 1000,
    endsAt: 2000,
    updatedAt: 1000,
    createdBy: 'me',
    comment: 'maintenance',
    annotations: {},
    ...given,
  };
}
