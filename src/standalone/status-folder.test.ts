import assert from 'node:assert/strict';
import { mkdir, readdir, rm, stat, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { describe, it, type TestContext } from 'node:test';
import fc from 'fast-check';
import { parse } from 'yaml';
import type { Pipeline, Condition } from '../reconcile/ports.ts';
import { FolderError } from './folder-error.ts';
import { RecordingLogger } from '../runtime/logger.fixture.ts';
import { parseHere, condition, manifestText } from './standalone.fixture.ts';
import { temporaryFolder } from '../runtime/temporary-folder.fixture.ts';
import { StatusFolder, conditionsOf, renderStatus, statusFileName } from './status-folder.ts';
import { parsePipelineManifest } from './pipeline-manifest.ts';

const pipeline: Pipeline = {
  apiVersion: 'telemetry.kyma-project.io/v1beta1',
  kind: 'TracePipeline',
  name: 'backend',
  generation: 1,
  spec: {},
  conditions: [],
};
const filePath = 'status/tracepipeline/backend.yaml';

interface Setup {
  readonly storage: string;
  readonly logger: RecordingLogger;
  readonly status: StatusFolder;
}

async function setUp(test: TestContext): Promise<Setup> {
  const storage = join(await temporaryFolder(test), 'data');
  const logger = new RecordingLogger();
  return { storage, logger, status: new StatusFolder({ storage, logger, parse: parseHere }) };
}

describe('status folder', () => {
  it('makes a folder for each kind and leaves nothing else in it', async (t) => {
    const { storage, status } = await setUp(t);
    await status.open();
    assert.deepEqual((await readdir(join(storage, 'status'), { recursive: true })).sort(), [
      'logpipeline',
      'metricpipeline',
      'tracepipeline',
    ]);
  });

  it('gives back what was written, and overwrites it', async (t) => {
    const { storage, status } = await setUp(t);
    await status.open();
    assert.equal(await status.read(pipeline), undefined);
    for (const reason of ['First', 'Second']) {
      await status.write(pipeline, [condition('A', { reason })]);
      assert.deepEqual(await status.read(pipeline), [condition('A', { reason })]);
    }
    assert.deepEqual(await readdir(join(storage, 'status/tracepipeline')), ['backend.yaml']);
  });

  it('never shows a half-written file under the final name', async (t) => {
    const { storage, status } = await setUp(t);
    await status.open();
    await status.write(pipeline, [condition('A')]);
    const before = (await stat(join(storage, filePath))).ino;
    await status.write(pipeline, [condition('B')]);
    // The file is renamed over, not written into: whoever has the old file open reads it to its end.
    assert.notEqual((await stat(join(storage, filePath))).ino, before);
  });

  it('removes at start what a killed process left, and nothing else', async (t) => {
    const { storage, logger, status } = await setUp(t);
    await status.open();
    await status.write(pipeline, [condition('A')]);
    const folder = join(storage, 'status/tracepipeline');
    await writeFile(join(folder, '.backend.yaml.tmp'), 'apiVersion: tele');
    await writeFile(join(folder, '.note'), 'mine');
    await status.open();
    assert.deepEqual((await readdir(folder)).sort(), ['.note', 'backend.yaml']);
    assert.deepEqual(await status.read(pipeline), [condition('A')]);
    assert.deepEqual(logger.fieldsOf('status.leftovers'), [{ folder, files: 1 }]);
  });

  it('takes a damaged file for none, with a warn line, and can write it anew', async (t) => {
    const { storage, logger, status } = await setUp(t);
    await status.open();
    await writeFile(join(storage, filePath), 'apiVersion: [');
    assert.equal(await status.read(pipeline), undefined);
    const [line] = logger.lines;
    assert.deepEqual(
      [line?.level, line?.event, line?.fields['file']],
      ['warn', 'status.damaged', join(storage, filePath)],
    );
    assert.match(String(line?.fields['error']), /line 1, column /);
    await status.write(pipeline, [condition('A')]);
    assert.deepEqual(await status.read(pipeline), [condition('A')]);
  });

  it('removes the file of a pipeline, and does not mind if there is none', async (t) => {
    const { storage, status } = await setUp(t);
    await status.open();
    await status.write(pipeline, []);
    await status.remove(pipeline);
    await status.remove(pipeline);
    assert.deepEqual(await readdir(join(storage, 'status/tracepipeline')), []);
  });

  it('makes the folder again if somebody removes it', async (t) => {
    const { storage, status } = await setUp(t);
    await status.open();
    await rm(storage, { recursive: true });
    await status.write(pipeline, [condition('A')]);
    assert.deepEqual(await status.read(pipeline), [condition('A')]);
  });

  it('names the files that belong to no pipeline', async (t) => {
    const { storage, status } = await setUp(t);
    await status.open();
    await status.write(pipeline, []);
    await status.write({ ...pipeline, name: 'other' }, []);
    assert.deepEqual(await status.strangers([pipeline]), [join(storage, 'status/tracepipeline/other.yaml')]);
  });

  it('bears the longest name that a pipeline can have', async (t) => {
    const { status } = await setUp(t);
    await status.open();
    const longest = { ...pipeline, name: 'a'.repeat(253) };
    await status.write(longest, [condition('A')]);
    assert.deepEqual(await status.read(longest), [condition('A')]);
    assert.deepEqual(await status.strangers([longest]), []);
  });

  it('never leaves its folder, whatever the name', async (t) => {
    const { status } = await setUp(t);
    await status.open();
    for (const name of ['../x', '../../x', '/x', '..']) {
      await assert.rejects(status.write({ ...pipeline, name }, []), /cannot be the name of a status file/);
      await assert.rejects(status.remove({ kind: 'TracePipeline', name }), /cannot be the name of a status file/);
    }
  });

  it('says at start that it cannot write, where and why', async (t) => {
    const { storage, status } = await setUp(t);
    await writeFile(storage, 'a file in the place of the folder');
    await assert.rejects(status.open(), (error) => {
      assert.ok(error instanceof FolderError);
      assert.ok(error.message.startsWith(`cannot write in the status folder ${join(storage, 'status/logpipeline')}: `));
      assert.match(error.message, /file.*\((ENOTDIR|EEXIST)\); .*--storage\.path$/);
      return true;
    });
  });

  it('says that a status cannot be written, and leaves no temporary file', async (t) => {
    const { storage, status } = await setUp(t);
    await status.open();
    await mkdir(join(storage, filePath));
    await assert.rejects(status.write(pipeline, []), (error) => {
      assert.ok(error instanceof FolderError);
      assert.match(
        error.message,
        /^cannot write the status file .*backend\.yaml: a folder stands where a file is needed \(EISDIR\); /,
      );
      return true;
    });
    assert.deepEqual(await readdir(join(storage, 'status/tracepipeline')), ['backend.yaml']);
    assert.equal((await stat(join(storage, filePath))).isDirectory(), true);
  });
});

describe('status file', () => {
  it('reads as kubectl shows an object', () => {
    const conditions = [
      condition('TelemetryFlowHealthy', {
        observedGeneration: 2,
        status: 'False',
        message: `long: ${'word '.repeat(30)}`,
      }),
    ];
    assert.equal(
      renderStatus(pipeline, conditions),
      [
        'apiVersion: telemetry.kyma-project.io/v1beta1',
        'kind: TracePipeline',
        'metadata:',
        '  name: backend',
        'status:',
        '  conditions:',
        '    - lastTransitionTime: "2026-11-21T03:00:00Z"',
        `      message: "long: ${'word '.repeat(30)}"`,
        '      observedGeneration: 2',
        '      reason: FlowHealthy',
        '      status: "False"',
        '      type: TelemetryFlowHealthy',
        '',
      ].join('\n'),
    );
  });

  const text = fc.oneof(
    fc.string({ unit: 'grapheme' }),
    fc.string({ unit: 'binary' }),
    fc.constantFrom(
      'True',
      'null',
      '~',
      'yes',
      '2026-01-01',
      '---',
      '- a',
      '# c',
      ' a ',
      'a: b',
      '|',
      '\t',
      'a\n\nb\n',
      '\r\n',
      '0x1',
      '*a',
      '&a',
      '!a',
    ),
  );
  const arbitraryCondition: fc.Arbitrary<Condition> = fc.record(
    {
      type: text.filter((type) => type !== ''),
      status: fc.constantFrom('True', 'False', 'Unknown'),
      reason: text.filter((reason) => reason !== ''),
      message: text,
      lastTransitionTime: fc
        .integer({ min: 0, max: 4e9 })
        .map((s) => new Date(s * 1000).toISOString().replace('.000Z', 'Z')),
      observedGeneration: fc.nat(),
    },
    { requiredKeys: ['type', 'status', 'reason', 'message', 'lastTransitionTime'] },
  );

  it('gives back the conditions that were written, whatever their texts, to us and to readers of YAML 1.1', () => {
    fc.assert(
      fc.property(fc.array(arbitraryCondition, { maxLength: 3 }), (conditions) => {
        const file = renderStatus(pipeline, conditions);
        assert.deepEqual(
          conditionsOf(parsePipelineManifest(file, 'f'), pipeline).map((read) => ({ ...read })),
          conditions.map((written) => ({ ...written })),
        );
        const old = parse(file, { version: '1.1' }) as { status: { conditions: Condition[] } };
        assert.deepEqual(
          old.status.conditions.map(({ message, lastTransitionTime }) => [message, lastTransitionTime]),
          conditions.map(({ message, lastTransitionTime }) => [message, lastTransitionTime]),
        );
      }),
      { numRuns: 500 },
    );
  });

  it('refuses what is damaged, and the status of another pipeline', () => {
    const whole = renderStatus(pipeline, [condition('A')]);
    const rows: readonly (readonly [string, RegExp])[] = [
      ['', /^Error: it holds 0 objects instead of one$/],
      [whole.slice(0, whole.indexOf('reason')), /^Error: line 7, column 7: status\.conditions\[0\]\.type is missing/],
      [`${whole}---\n${whole}`, /^Error: it holds 2 objects/],
      [manifestText('TracePipeline', 'other'), /^Error: it is of TracePipeline other$/],
      [manifestText('LogPipeline', 'backend'), /^Error: it is of LogPipeline backend$/],
    ];
    for (const [damaged, message] of rows)
      assert.throws(() => conditionsOf(parsePipelineManifest(damaged, 'f'), pipeline), message);
  });

  it('names the file after the pipeline', () => {
    assert.equal(statusFileName('a.b'), 'a.b.yaml');
  });

  it('cuts a name that no file can bear, and keeps names apart that differ after the cut', () => {
    const names = [0, 1].map((last) => `${'a'.repeat(252)}${last}`).map(statusFileName);
    assert.equal(new Set(names).size, 2);
    for (const name of names) assert.ok(Buffer.byteLength(`.${name}.tmp`) <= 255);
    assert.equal(statusFileName('a'.repeat(245)), `${'a'.repeat(245)}.yaml`);
  });

  it('refuses a name that would lead out of the folder', () => {
    for (const name of ['../x', '..', '', 'a/b', '.a'])
      assert.throws(() => statusFileName(name), /cannot be the name of a status file/);
  });
});
