import { Matcher } from '../src/matcher/matcher.ts';
import { testSilence } from '../src/silence/silence.fixture.ts';
import { Silences } from '../src/silence/silences.ts';
import type { Section } from './section.ts';
import type { Row } from './table.ts';

/** A style of expressions: the expression of the silence with a number, and a value that only this silence matches. */
interface Kind {
  readonly example: string;
  readonly expression: (id: number) => string;
  readonly value: (id: number) => string;
}

/** A quick run uses a tenth. */
const fullCount = 10_000;

const kinds: readonly Kind[] = [
  { example: 'backend-17-.*', expression: (id) => `backend-${id}-.*`, value: (id) => `backend-${id}-7f9c5d-x2x4b` },
  {
    example: '10\\.0\\.17\\.5(:\\d+)?',
    expression: (id) => `${address(id, '\\.')}(:\\d+)?`,
    value: (id) => `${address(id, '.')}:9100`,
  },
  { example: 'team-17|group-17', expression: (id) => `team-${id}|group-${id}`, value: (id) => `team-${id}` },
  {
    example: '.*Throttling17x.*',
    expression: (id) => `.*Throttling${id}x.*`,
    value: (id) => `GatewayThrottling${id}xHigh`,
  },
  { example: '.+-host17', expression: (id) => `.+-host${id}`, value: (id) => `eu-west-host${id}` },
  {
    example: '[a-z]+-17-[0-9a-f]{4}',
    expression: (id) => `[a-z]+-${id}-[0-9a-f]{4}`,
    value: (id) => `backend-${id}-7f9c`,
  },
  { example: '(?i)backend-17-.*', expression: (id) => `(?i)backend-${id}-.*`, value: (id) => `Backend-${id}-7f9c5d` },
];

/** The cost of finding the silences of a new alert when each silence has a different expression. */
export const silences: Section = {
  name: 'silences',
  title: `Silences: ${fullCount} with a regular expression each, alerts seen for the first time (quick: a tenth)`,
  run({ quick }) {
    const rows = kinds.map((kind) => firstLooks(kind, quick ? fullCount / 10 : fullCount, quick ? 20 : 200));
    return Promise.resolve({ rows, raw: rows });
  },
};

function firstLooks({ example, expression, value }: Kind, count: number, alerts: number): Row {
  const all = new Silences(1000);
  for (let id = 0; id < count; id++)
    all.put(testSilence(String(id), { matchers: [new Matcher('label', expression(id), '=~')] }), 1000);
  // The engine builds its tables at the first match of each expression.
  for (let id = 0; id < 5; id++) all.silencing({ labels: { label: value(id) } }, 1500);
  const before = process.cpuUsage();
  // Every second alert is silenced.
  for (let id = 0; id < alerts; id++)
    all.silencing({ labels: { label: value(id % 2 === 0 ? id * 40 + 1 : id + count) } }, 1500);
  const { user, system } = process.cpuUsage(before);
  return { expression: example, 'CPU ms per alert': ((user + system) / 1000 / alerts).toFixed(2) };
}

function address(id: number, dot: string): string {
  return [10, 0, id >> 8, id & 255].join(dot);
}
