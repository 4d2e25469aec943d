import assert from 'node:assert/strict';
import { chmod, mkdir, rm, symlink, truncate, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { describe, it, type TestContext } from 'node:test';
import fc from 'fast-check';
import { readManifestFile, type ManifestFile } from './manifest-file.ts';
import { parseHere, manifestText, condition } from './standalone.fixture.ts';
import { temporaryFolder } from '../runtime/temporary-folder.fixture.ts';
import { requestKey, type Pipeline } from '../reconcile/ports.ts';
import * as merge from './manifest-file.ts';
import { inOneGo } from '../runtime/slices.fixture.ts';

const good = manifestText('LogPipeline', 'a');

async function writeManifest(test: TestContext, content: string | Uint8Array): Promise<string> {
  const path = join(await temporaryFolder(test), 'p.yaml');
  await writeFile(path, content);
  return path;
}

async function read(path: string, previous?: ManifestFile): Promise<ManifestFile> {
  const file = await readManifestFile(path, previous, parseHere);
  assert.ok(file);
  return file;
}

function names({ pipelines }: ManifestFile): readonly string[] {
  return pipelines.map(({ name }) => name).sort();
}

describe('manifest file', () => {
  it('is read again only if it changed', async (t) => {
    const path = await writeManifest(t, good);
    const first = await read(path);
    assert.equal(await readManifestFile(path, first, parseHere), first);
    await writeFile(path, `${good}---\n${manifestText('LogPipeline', 'b')}`);
    const second = await read(path, first);
    assert.deepEqual([names(first), names(second)], [['a'], ['a', 'b']]);
  });

  it('is gone when it is removed', async (t) => {
    const path = await writeManifest(t, good);
    const first = await read(path);
    await rm(path);
    assert.equal(await readManifestFile(path, first, parseHere), undefined);
    assert.equal(await readManifestFile(path, undefined, parseHere), undefined);
  });

  it('keeps its last good pipelines while a document is broken, takes the new ones, and drops what is gone when it is whole', async (t) => {
    const [a, b, c, d] = ['a', 'b', 'c', 'd'].map((name) => manifestText('LogPipeline', name));
    const path = await writeManifest(t, `${a}---\n${b}---\n${c}`);
    const first = await read(path);
    await writeFile(path, `${a}---\nkind: [\n---\n${d}`);
    const broken = await read(path, first);
    assert.deepEqual([names(broken), broken.problems.length], [['a', 'b', 'c', 'd'], 1]);
    await writeFile(path, `${a}---\n${d}`);
    const whole = await read(path, broken);
    assert.deepEqual([names(whole), whole.problems], [['a', 'd'], []]);
  });

  it('drops what is gone although an object of another kind stands in it', async (t) => {
    const secret = 'apiVersion: v1\nkind: Secret\nmetadata: {name: s}\n';
    const path = await writeManifest(t, `${good}---\n${secret}`);
    const first = await read(path);
    await writeFile(path, secret);
    const second = await read(path, first);
    assert.deepEqual([names(first), names(second), second.problems.length], [['a'], [], 1]);
  });

  const refusals: readonly (readonly [string, (path: string) => Promise<unknown>, RegExp])[] = [
    ['is a folder', (path) => mkdir(path), /^is not a file; /],
    ['is not UTF-8', (path) => writeFile(path, Buffer.from('kind: Lögpipeline', 'latin1')), /^is not UTF-8 text; /],
    [
      'is too large',
      (path) => writeFile(path, '').then(() => truncate(path, 8 * 1024 * 1024 + 1)),
      /^has 8388609 bytes; it may have 8388608: put a part of its documents into another file$/,
    ],
    ['links lead in a circle', (path) => symlink(path, path), /^cannot be read \(ELOOP\); /],
  ];
  for (const [what, make, message] of refusals) {
    it(`keeps its last good pipelines, and tells once, when it ${what}`, async (t) => {
      const path = await writeManifest(t, good);
      const first = await read(path);
      await rm(path);
      await make(path);
      const refused = await read(path, first);
      assert.deepEqual(names(refused), ['a']);
      assert.match(refused.problems[0]?.message ?? '', message);
      assert.equal(await readManifestFile(path, refused, parseHere), refused);
      await rm(path, { recursive: true });
      await writeFile(path, good);
      assert.deepEqual((await read(path, refused)).problems, []);
    });
  }

  it(
    'is read as soon as it may be, although that does not move its mtime',
    { skip: process.getuid?.() === 0 && 'root may read everything' },
    async (t) => {
      const path = await writeManifest(t, good);
      await chmod(path, 0o000);
      const refused = await read(path);
      assert.match(refused.problems[0]?.message ?? '', /^cannot be read \(EACCES\); /);
      assert.equal(await readManifestFile(path, refused, parseHere), refused);
      await chmod(path, 0o600);
      assert.deepEqual(names(await read(path, refused)), ['a']);
    },
  );

  it('has no pipelines when it is a link to nothing, and says so', async (t) => {
    const path = await writeManifest(t, good);
    const first = await read(path);
    await rm(path);
    await symlink('nowhere', path);
    const dangling = await read(path, first);
    assert.deepEqual(names(dangling), []);
    assert.match(dangling.problems[0]?.message ?? '', /^is a link to a file that does not exist; /);
    assert.equal(await readManifestFile(path, dangling, parseHere), dangling);
  });

  it('may begin with a byte order mark', async (t) => {
    const path = await writeManifest(t, `\ufeff---\n${good}`);
    assert.deepEqual(names(await read(path)), ['a']);
  });
});

function pipelineNamed(name: string, overrides: Partial<Pipeline> = {}): Pipeline {
  const base = { apiVersion: 'telemetry.kyma-project.io/v1beta1', kind: 'LogPipeline', generation: 1 };
  return { ...base, name, spec: {}, conditions: [], ...overrides };
}

function manifestFile(path: string, ...pipelines: readonly Pipeline[]): ManifestFile {
  return { path, signature: '', bytes: 0, pipelines, problems: [] };
}

type Manifests = merge.MergedManifests['manifests'];

function mergeManifests(files: readonly ManifestFile[]): merge.MergedManifests {
  return inOneGo(merge.mergeManifests(files));
}

function diffManifests(before: Manifests, after: Manifests): readonly merge.ManifestDifference[] {
  return inOneGo(merge.diffManifests(before, after));
}

function merged(...files: readonly ManifestFile[]): Manifests {
  return mergeManifests(files).manifests;
}

describe('merged manifests', () => {
  it('takes the first file by name where two describe the same pipeline, in whatever order they were read', () => {
    const files = [
      manifestFile('b', pipelineNamed('x')),
      manifestFile('a', pipelineNamed('x')),
      manifestFile('c', pipelineNamed('x'), pipelineNamed('y')),
    ];
    for (const order of [files, files.toReversed()]) {
      const { manifests, duplicates } = mergeManifests(order);
      assert.equal(manifests.get('LogPipeline/x')?.file, 'a');
      assert.equal(manifests.get('LogPipeline/y')?.file, 'c');
      assert.deepEqual(
        duplicates.map(({ usedFile, ignoredFile }) => [usedFile, ignoredFile]),
        [
          ['a', 'b'],
          ['a', 'c'],
        ],
      );
    }
  });

  it('tells a pipeline that stands twice in one file', () => {
    const { duplicates } = mergeManifests([
      manifestFile('a', pipelineNamed('x'), pipelineNamed('x', { generation: 2 })),
    ]);
    assert.deepEqual(duplicates, [{ request: { kind: 'LogPipeline', name: 'x' }, usedFile: 'a', ignoredFile: 'a' }]);
  });

  it('does not take pipelines of different kinds for the same', () => {
    assert.equal(
      mergeManifests([manifestFile('a', pipelineNamed('x'), pipelineNamed('x', { kind: 'TracePipeline' }))]).duplicates
        .length,
      0,
    );
  });
});

describe('difference of manifests', () => {
  it('names what was added, changed and removed, by kind and name', () => {
    const before = merged(manifestFile('a', pipelineNamed('gone'), pipelineNamed('same'), pipelineNamed('other')));
    const changed = pipelineNamed('other', {
      generation: 2,
      spec: { a: 1 },
      conditions: [condition('A')],
      apiVersion: 'x',
    });
    const after = merged(manifestFile('a', changed, pipelineNamed('same'), pipelineNamed('new', { kind: 'A' })));
    assert.deepEqual(diffManifests(before, after), [
      { kind: 'added', request: { kind: 'A', name: 'new' }, file: 'a', parts: [] },
      { kind: 'removed', request: { kind: 'LogPipeline', name: 'gone' }, file: 'a', parts: [] },
      {
        kind: 'changed',
        request: { kind: 'LogPipeline', name: 'other' },
        file: 'a',
        parts: ['apiVersion', 'generation', 'spec', 'conditions'],
      },
    ]);
  });

  it('sees no difference in the order of keys, or in the file that a pipeline stands in', () => {
    const before = merged(manifestFile('a', pipelineNamed('x', { spec: { a: 1, b: [1, 2] } })));
    const after = merged(manifestFile('b', pipelineNamed('x', { spec: { b: [1, 2], a: 1 } })));
    assert.deepEqual(diffManifests(before, after), []);
  });

  it('leads from any set of pipelines to any other', () => {
    const pipelines = fc.uniqueArray(
      fc.record({ name: fc.constantFrom('a', 'b', 'c', 'd'), generation: fc.integer({ min: 1, max: 3 }) }),
      { selector: ({ name }) => name },
    );
    fc.assert(
      fc.property(pipelines, pipelines, (first, second) => {
        const [before, after] = [first, second].map((set) =>
          merged(manifestFile('a', ...set.map(({ name, generation }) => pipelineNamed(name, { generation })))),
        );
        assert.ok(before && after);
        const result = new Map([...before].map(([key, { pipeline }]) => [key, pipeline]));
        for (const { kind, request } of diffManifests(before, after)) {
          const key = requestKey(request);
          assert.equal(result.has(key), kind !== 'added');
          if (kind === 'removed') result.delete(key);
          else result.set(key, after.get(key)?.pipeline as Pipeline);
        }
        assert.deepEqual(
          new Map([...result].sort()),
          new Map([...after].map(([key, { pipeline }]) => [key, pipeline] as const).sort()),
        );
      }),
    );
  });
});
