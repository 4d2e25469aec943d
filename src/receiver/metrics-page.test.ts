import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import type { IncomingMessage, ServerResponse } from 'node:http';
import fc from 'fast-check';
import { Counter, Gauge, Histogram, Registry } from 'prom-client';
import { FakeClock } from '../runtime/clock.fixture.ts';
import { SliceSchedule } from '../runtime/slices.ts';
import { MetricsPage, prefersOpenMetrics } from './metrics-page.ts';

const prometheus3 =
  'application/openmetrics-text;version=1.0.0;escaping=allow-utf-8;q=0.6,application/openmetrics-text;version=0.0.1;q=0.5,' +
  'text/plain;version=1.0.0;escaping=allow-utf-8;q=0.4,text/plain;version=0.0.4;q=0.3,*/*;q=0.2';
const prometheus2 =
  'application/openmetrics-text;version=1.0.0,application/openmetrics-text;version=0.0.1;q=0.75,text/plain;version=0.0.4;q=0.5,*/*;q=0.1';

interface Page {
  readonly type: string;
  readonly text: string;
}

async function page(registry: Registry, accept?: string, metrics = pageOf(registry)): Promise<Page> {
  const answer = { type: '', text: '' };
  const response = {
    writeHead(_: number, headers: Record<string, string>) {
      answer.type = headers['Content-Type']!;
      return response;
    },
    end: (bytes: Buffer) => void (answer.text = bytes.toString()),
  };
  await metrics.answer({ headers: { accept } } as IncomingMessage, response as unknown as ServerResponse);
  return answer;
}

function pageOf(registry: Registry): MetricsPage {
  return new MetricsPage(registry, new SliceSchedule(new FakeClock()));
}

function newRegistry(): Registry {
  const registers = [new Registry()];
  new Counter({ registers, name: 'things_total', help: 'Things.', labelNames: ['kind'] }).inc({ kind: 'a' }, 2);
  new Gauge({ registers, name: 'depth', help: 'Depth.' }).set(3);
  new Histogram({ registers, name: 'seconds', help: 'Seconds.', buckets: [0.5, 1, 10] }).observe(0.7);
  return registers[0]!;
}

describe('prefersOpenMetrics', () => {
  const rows: readonly (readonly [name: string, accept: string | undefined, expected: boolean])[] = [
    ['Prometheus 3', prometheus3, true],
    ['Prometheus 2', prometheus2, true],
    ['a Prometheus that is told to take the text format', 'text/plain;version=0.0.4;q=0.6,*/*;q=0.1', false],
    ['nobody in particular', undefined, false],
    ['curl', '*/*', false],
    ['a browser', 'text/html,application/xhtml+xml,*/*;q=0.8', false],
    ['somebody who takes nothing else', 'application/openmetrics-text', true],
    ['somebody who writes it in capitals', 'Application/OpenMetrics-Text; Version="1.0.0"; Q=0.9', true],
    ['somebody who takes another version only', 'application/openmetrics-text;version=0.0.1', false],
    ['somebody who refuses it', 'application/openmetrics-text;q=0', false],
    ['somebody who takes both alike', 'application/openmetrics-text,text/plain', false],
    ['a weight that is none', 'application/openmetrics-text;q=x', false],
  ];
  for (const [name, accept, expected] of rows)
    it(`is ${expected} for ${name}`, () => assert.equal(prefersOpenMetrics(accept), expected));

  it('accepts any header', () => {
    fc.assert(fc.property(fc.string(), (accept) => typeof prefersOpenMetrics(accept) === 'boolean'));
  });
});

describe('MetricsPage', () => {
  it('writes OpenMetrics: counters named without _total, bounds as floats, and an end', async () => {
    const { type, text } = await page(newRegistry(), prometheus3);
    assert.equal(type, 'application/openmetrics-text; version=1.0.0; charset=utf-8');
    assert.match(text, /^# TYPE things counter\nthings_total\{kind="a"\} 2$/m);
    assert.match(text, /^seconds_bucket\{le="0.5"\} 0\nseconds_bucket\{le="1.0"\} 1\nseconds_bucket\{le="10.0"\} 1$/m);
    assert.ok(text.endsWith('\n# EOF\n'));
  });

  it('leaves the text format unchanged, before and after', async () => {
    const registry = newRegistry();
    const before = await page(registry);
    await page(registry, prometheus3);
    assert.deepEqual(await page(registry), before);
    assert.equal(before.type, 'text/plain; version=0.0.4; charset=utf-8');
    assert.match(before.text, /^# TYPE things_total counter\nthings_total\{kind="a"\} 2$/m);
  });

  it('is rendered once for all callers that wait for it, however many ask at once', async () => {
    let renders = 0;
    const registry = new Registry();
    const collect = (): void => void renders++;
    new Gauge({ registers: [registry], name: 'depth', help: 'Depth.', collect });
    const metrics = pageOf(registry);
    await Promise.all(Array.from({ length: 100 }, () => page(registry, undefined, metrics)));
    assert.equal(renders, 1);
    await Promise.all(Array.from({ length: 100 }, () => page(registry, prometheus3, metrics)));
    assert.equal(renders, 2);
  });

  it('shows each caller the values of that moment or later', async () => {
    const registry = new Registry();
    const depth = new Gauge({ registers: [registry], name: 'depth', help: 'Depth.' });
    const metrics = pageOf(registry);
    const first = page(registry, undefined, metrics);
    depth.set(7);
    assert.match((await page(registry, undefined, metrics)).text, /^depth 7$/m);
    assert.match((await first).text, /^depth 7$/m);
    depth.set(8);
    assert.match((await page(registry, undefined, metrics)).text, /^depth 8$/m);
  });
});
