import assert from 'node:assert/strict';
import { describe, it, type TestContext } from 'node:test';
import { fastClock } from '../../src/runtime/clock.fixture.ts';
import {
  documentTokens,
  manifestDocuments,
  manifestTokens,
  objectBytes,
} from '../../src/standalone/manifest-documents.ts';
import { ManifestThread } from '../../src/standalone/manifest-thread.ts';
import { parsePipelineManifest } from '../../src/standalone/pipeline-manifest.ts';
import { manifestText } from '../../src/standalone/standalone.fixture.ts';

const good = manifestText('LogPipeline', 'good');
const last = manifestText('LogPipeline', 'last');

describe('ManifestThread', () => {
  it('gives the same as parsing here, long or short', async (t) => {
    const { parse } = thread(t);
    const long = Array.from({ length: 300 }, (_, index) =>
      manifestText('TracePipeline', `p${index}`, 'spec: {a: &a [b], c: *a}'),
    );
    for (const text of ['', good, 'a: [', long.join('---\n'), `${long.join('---\n')}---\na: [\n---\n${last}`])
      assert.deepEqual(await parse(text, 'f.yaml'), parsePipelineManifest(text, 'f.yaml'));
  });

  it('reads several files one after the other in the same thread', async (t) => {
    const { parse } = thread(t);
    const texts = Array.from({ length: 20 }, (_, index) => manifestText('LogPipeline', `p${index}`, 'spec: {a: &a b}'));
    const results = await Promise.all(texts.map((text) => parse(text, 'f.yaml')));
    assert.deepEqual(
      results,
      texts.map((text) => parsePipelineManifest(text, 'f.yaml')),
    );
  });

  it('does not hold the event loop while it parses what is large', async (t) => {
    const { parse } = thread(t);
    const large = withAnnotations(600_000);
    const parsing = parse([large, large, large, last].join('---\n'), 'f.yaml').finally(() => (seen.isOver = true));
    const seen = { isOver: false };
    let longestMs = 0;
    // Measures the CPU time of this thread alone, in microseconds: on a busy machine it may wait for a processor without blocking anything.
    for (let before = process.threadCpuUsage(); !seen.isOver; before = process.threadCpuUsage()) {
      await new Promise((resolve) => setImmediate(resolve));
      const { user, system } = process.threadCpuUsage(before);
      longestMs = Math.max(longestMs, (user + system) / 1000);
    }
    assert.deepEqual((await parsing).problems, []);
    assert.ok(longestMs < 200, `held for ${longestMs} ms`);
  });

  const tooMuch: readonly (readonly [what: string, document: string, problem: RegExp])[] = [
    [
      'is longer than an object may be',
      withAnnotations(objectBytes),
      /^document 2 of the file has \d{7} bytes, allowed: 1572864; split it/,
    ],
    [
      'holds more than it may',
      `a: [${'[],'.repeat(documentTokens / 3 + 1)}]\n`,
      /^document 2 of the file has more than 250000 words and signs/,
    ],
    [
      'is too long with its aliases written out',
      `a: &a ${'x'.repeat(100_000)}\nb: [${'*a, '.repeat(60)}]\n`,
      /^with its aliases written out it has more than 1572864 bytes/,
    ],
    [
      'takes more memory than there is',
      `a: &a {${Array.from({ length: 20_000 }, (_, index) => `k${index}: 1`).join(', ')}}\nb: [${'{<<: *a}, '.repeat(2000)}]\n`,
      /^document 2 of the file, of \d+ bytes, takes more than (192 MiB of memory|10 s) to read; split it/,
    ],
    [
      'takes for ever, in few bytes',
      `a0: &a0 {x: 1}\n${Array.from({ length: 9 }, (_, at) => `a${at + 1}: &a${at + 1} {<<: [${Array(9).fill(`*a${at}`).join()}]}\n`).join('')}`,
      /^document 2 of the file, of \d{3} bytes, takes more than 10 s to read; split it, or write it without aliases/,
    ],
  ];
  for (const [what, document, problem] of tooMuch)
    it(`tells of a document that ${what}, and reads the others`, async (t) => {
      const { parse } = thread(t);
      const { pipelines, problems, incomplete } = await parse(`${good}---\n${document}---\n${last}`, 'f.yaml');
      assert.deepEqual(
        pipelines.map(({ name }) => name),
        ['good', 'last'],
      );
      assert.equal(incomplete, true);
      assert.equal(problems.length, 1);
      assert.match(problems[0]!.message, problem);
      assert.equal(problems[0]!.file, 'f.yaml');
      assert.ok([6, 7].includes(problems[0]!.line), `line ${problems[0]!.line}`);
    });

  it('stops at the end of what one file may hold, and says where', async (t) => {
    const { parse } = thread(t);
    const many = `${good}---\n${'---\n'.repeat(manifestDocuments)}`;
    const full = Array.from({ length: 5 }, () => `a: 1\n${'\n'.repeat(documentTokens - 20)}`);
    for (const [text, problem] of [
      [many, /^document 10001 of the file is one too many, allowed: 10000/],
      [
        [good, ...full, last].join('---\n'),
        new RegExp(`^document \\d of the file and those before it have more than ${manifestTokens} words`),
      ],
    ] as const) {
      const { pipelines, problems, incomplete } = await parse(text, 'f.yaml');
      assert.deepEqual(
        pipelines.map(({ name }) => name),
        ['good'],
      );
      assert.match(problems.at(-1)!.message, problem);
      assert.equal(incomplete, true);
    }
  });

  it('takes nothing for gone that it has not read when it is closed', async (t) => {
    const parser = thread(t);
    const results = [0, 1].map(() => parser.parse(`${withAnnotations(1_000_000)}---\n${last}`, 'f.yaml'));
    await parser.close();
    for (const { incomplete } of await Promise.all(results)) assert.equal(incomplete, true);
  });
});

/** A pipeline whose manifest has about this many bytes. */
function withAnnotations(bytes: number): string {
  const lines: string[] = [];
  for (let at = 0; at < bytes / 55; at++)
    lines.push(`    example.com/annotation-${String(at).padStart(6, '0')}: "${'x'.repeat(20)}"\n`);
  return `apiVersion: telemetry.kyma-project.io/v1beta1\nkind: LogPipeline\nmetadata:\n  name: large\n  annotations:\n${lines.join('')}`;
}

/** Closed when the test is over. */
function thread(t: TestContext): ManifestThread {
  const parser = new ManifestThread(fastClock(4));
  t.after(() => parser.close());
  return parser;
}
