import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { manifestText } from './standalone.fixture.ts';
import { parsePipelineManifest } from './pipeline-manifest.ts';

const parse = (text: string): ReturnType<typeof parsePipelineManifest> => parsePipelineManifest(text, 'p.yaml');

describe('documents of a manifest', () => {
  it('reads several documents and skips empty ones', () => {
    const text = `# none\n---\n${manifestText('LogPipeline', 'a')}---\n---\n~\n...\n---\n${manifestText('TracePipeline', 'b')}`;
    const { pipelines, problems } = parse(text);
    assert.deepEqual(problems, []);
    assert.deepEqual(
      pipelines.map(({ name }) => name),
      ['a', 'b'],
    );
  });

  it('tells of a document that is nested too deeply before the parser falls into it, and reads the others', () => {
    const { pipelines, problems } = parse(`${'- '.repeat(7000)}\n---\n${manifestText('LogPipeline', 'a')}`);
    assert.deepEqual(
      problems.map(({ message }) => message),
      ['document 1 of the file is nested too deeply, allowed: 500 levels'],
    );
    assert.equal(pipelines.length, 1);
  });

  it('reads nothing from an empty file', () => {
    for (const text of ['', '\n', '# only a comment', '---']) {
      assert.deepEqual(parse(text), { pipelines: [], problems: [], incomplete: false }, JSON.stringify(text));
    }
  });

  it('keeps what one document breaks from the others, and reports it at its line in the file', () => {
    const good = manifestText('LogPipeline', 'good');
    const broken = [
      'a: [1, 2\n',
      'a: "unclosed\n',
      "a: 'unclosed\n",
      'a: 1\n b: 2\n',
      '\ta: 1\n',
      'a: *x\n',
      '['.repeat(50_000),
      'a: &a [*a]\n',
    ];
    for (const text of broken) {
      const { pipelines, problems, incomplete } = parse(`${good}---\n${text}\n---\n${good.replace('good', 'last')}`);
      const where = JSON.stringify(text.slice(0, 20));
      assert.deepEqual(
        pipelines.map(({ name }) => name),
        ['good', 'last'],
        where,
      );
      assert.equal(problems.length, 1, where);
      assert.ok(
        problems[0] !== undefined && problems[0].line >= 6 && problems[0].line <= 9,
        `${where} ${problems[0]?.line}`,
      );
      assert.match(problems[0].message, /^not valid YAML: /);
      assert.equal(incomplete, true);
    }
  });

  it('takes directives and a line of dashes in a block text for what they are', () => {
    const text = `%YAML 1.2\n---\n${manifestText('LogPipeline', 'a', 'spec:\n  text: |\n    ---\n    x')}...\n%YAML 1.2\n# c\n---\n${manifestText('LogPipeline', 'b')}`;
    const { pipelines, problems } = parse(text);
    assert.deepEqual(problems, []);
    assert.deepEqual(
      pipelines.map(({ spec }) => spec),
      [{ text: '---\nx\n' }, {}],
    );
  });

  it('follows aliases and merge keys', () => {
    const text = manifestText('LogPipeline', 'a', 'spec:\n  base: &b {x: 1}\n  merged:\n    <<: *b\n    y: 2');
    assert.deepEqual(parse(text).pipelines[0]?.spec, { base: { x: 1 }, merged: { x: 1, y: 2 } });
  });

  it('gives plain data whatever the version and the tags', () => {
    const spec =
      'spec: {date: 2026-01-01, yes: !!timestamp 2026-01-01, set: !!set {a}, bytes: !!binary aGk=, own: !own x}';
    for (const directive of ['', '%YAML 1.1\n---\n', '%YAML 1.2\n---\n']) {
      const [pipeline] = parse(directive + manifestText('LogPipeline', 'a', spec)).pipelines;
      const expected = { date: '2026-01-01', yes: '2026-01-01', set: { a: null }, bytes: 'aGk=', own: 'x' };
      assert.deepEqual(pipeline?.spec, expected, directive);
    }
  });

  it('lets a directive hold for the document behind it', () => {
    const text = `%TAG !e! tag:example.com,2026:\n# why\n%YAML 1.2\n---\n${manifestText('LogPipeline', 'a', 'spec: {x: !e!y z}')}`;
    const { pipelines, problems } = parse(text);
    assert.deepEqual([pipelines[0]?.spec, problems], [{ x: 'z' }, []]);
  });
});
