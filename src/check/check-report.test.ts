import assert from 'node:assert/strict';
import { readFile } from 'node:fs/promises';
import { describe, it } from 'node:test';
import { problem, skipped, type Check, type CheckResult } from './check.ts';
import { CheckReport } from './check-report.ts';
import type { CheckEvent } from './run-checks.ts';

function result(description: string, given: Omit<CheckResult, 'check'>): CheckEvent {
  const check: Check = { id: description.replaceAll(/[^a-z]+/g, '-'), description, run: () => assert.fail() };
  return { event: 'result', check, ...given };
}

function category(name: string, whyNot?: string): CheckEvent {
  return { event: 'category', name, whyNot };
}

const healthy: readonly CheckEvent[] = [
  category('configuration'),
  result('the configuration file can be read', { result: 'success', told: ['/etc/tocsin/tocsin.yml'] }),
  category('kubernetes-api', 'no Kubernetes is configured'),
];

const broken: readonly CheckEvent[] = [
  ...healthy,
  category('rights'),
  result('can list pipelines', { result: 'success' }),
  result('can write conditions', {
    result: 'error',
    text: 'tracepipelines/status: patch is not allowed\nsay so twice',
  }),
  result('can write events', { result: 'skipped', text: 'controller.action is annotate' }),
  result('has a recent version', { result: 'warning', text: 'Kubernetes 1.20 is old' }),
  category('pipelines'),
  result('there are pipelines', {
    result: 'not run',
    text: 'not run, because this failed: rights: can write conditions',
  }),
];

type Options = ConstructorParameters<typeof CheckReport>[0];

function reported(events: readonly CheckEvent[], options: Partial<Options>): { text: string; success: boolean } {
  let text = '';
  const report = new CheckReport({
    format: 'table',
    isVerbose: false,
    isColoured: false,
    isTerminal: false,
    ...options,
    write: (piece) => (text += piece),
  });
  for (const event of events) report.tell(event);
  report.end();
  return { text, success: report.success };
}

/** Golden files: the outputs byte by byte. */
describe('CheckReport', () => {
  const outputs = {
    'healthy-table.txt': [healthy, {}],
    'healthy-verbose.txt': [healthy, { isVerbose: true }],
    'broken-verbose.txt': [broken, { isVerbose: true }],
    'healthy-short.txt': [healthy, { format: 'short' }],
    'broken-table.txt': [broken, {}],
    'broken-short.txt': [broken, { format: 'short' }],
    'broken.json': [broken, { format: 'json' }],
    'broken-coloured.txt': [broken, { isColoured: true, isTerminal: true }],
  } as const satisfies Record<string, readonly [readonly CheckEvent[], Partial<Options>]>;
  for (const [file, [events, options]] of Object.entries(outputs))
    it(`writes ${file}`, async () => {
      const { text, success } = reported(events, options);
      assert.equal(text, await readFile(new URL(`golden/${file}`, import.meta.url), 'utf8'));
      assert.equal(success, events === healthy);
    });

  it('is the example of linkerd check', () => {
    const events = [
      category('category'),
      result('check1', { result: 'success' }),
      result('check2', { result: 'error', text: 'This should contain instructions for fail' }),
    ];
    assert.equal(
      reported(events, {}).text,
      'category\n--------\n√ check1\n× check2\n    This should contain instructions for fail\n' +
        '    see docs/checks.md#check- for hints\n\nStatus check results are ×\n',
    );
  });

  it('counts a warning as good', () => {
    const events = [category('one'), result('a', { result: 'warning', text: 'old' })];
    assert.equal(reported(events, {}).success, true);
  });

  it('says on a terminal what is waited for, and writes over it', () => {
    const check: Check = { id: 'pods', description: 'pods run', run: () => assert.fail() };
    const events: readonly CheckEvent[] = [
      category('pods'),
      { event: 'waiting', check, text: 'waiting for check to complete' },
      { event: 'result', check, result: 'success' },
    ];
    const clear = '\r\u001b[2K';
    assert.equal(
      reported(events, { isTerminal: true }).text,
      `waiting for check to complete ...${clear}pods\n----\n√ pods run\n\nStatus check results are √\n`,
    );
    for (const options of [{}, { format: 'json', isTerminal: true } as const])
      assert.doesNotMatch(reported(events, options).text, /waiting/);
  });

  it('keeps the line that it writes over on one line of the terminal', () => {
    const check: Check = { id: 'a', description: 'a', run: () => assert.fail() };
    const waiting = { event: 'waiting', check, text: 'x'.repeat(100) } as const;
    const widths = [40, undefined].map((columns) => {
      const { text } = reported([category('one'), waiting], { isTerminal: true, columns });
      return text.indexOf('\r');
    });
    assert.deepEqual(widths, [39, 79]);
  });

  it('lets no foreign text begin a line of its own', () => {
    for (const end of ['\n', '\r\n', '\n\n', '\u2028']) {
      const outcome = problem(['first', `no${end}\u221a all is well${end}`]);
      assert.deepEqual(outcome, { is: 'problem', text: 'first\nno \u221a all is well' });
    }
    assert.deepEqual(skipped('a\nb'), { is: 'skipped', text: 'a b' });
  });

  it('lets no foreign text control the terminal', () => {
    const events = [category('one'), result('a', { result: 'error', text: 'no \u001b[2Jpipeline' })];
    assert.match(reported(events, {}).text, /no \\u001b\[2Jpipeline/);
  });
});
