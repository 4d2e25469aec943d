import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import fc from 'fast-check';
import { Config } from './config.ts';
import type { ConfigFlags } from './flags/flags.ts';
import { loadConfig } from './load-config.ts';

function load(text: string, flags: ConfigFlags = {}) {
  return loadConfig({ configFile: 'tocsin.yml', ...flags }, (path) => {
    assert.equal(path, 'tocsin.yml');
    return text;
  });
}

function loadFailing(code: string, message = code) {
  return loadConfig({ configFile: '/etc/tocsin.yml' }, () => {
    throw Object.assign(new Error(message), { code });
  });
}

const neverRead = (): string => assert.fail('read a file that no flag names');

describe('loadConfig', () => {
  it('gives the defaults without a file, and reads none', () => {
    assert.deepEqual(loadConfig({}, neverRead), {
      config: Config.parse({}),
      text: '',
      pipelinesFolderGiven: false,
      inFile: { folder: false, kubernetes: false },
    });
  });

  it('lets the file win over the defaults, and flags over the file', () => {
    const text = 'prometheus: {url: http://file, timeout: 1s}\npipelines: {folder: file}\n';
    const fromFile = load(text);
    assert.ok('config' in fromFile);
    assert.equal(fromFile.text, text);
    assert.deepEqual(fromFile.config.prometheus.url, ['http://file']);
    assert.equal(fromFile.config.pipelines.folder, 'file');
    const fromFlags = load(text, { prometheusUrl: 'http://flag/', pipelinesFolder: 'flag' });
    assert.ok('config' in fromFlags);
    const expected = Config.parse({
      prometheus: { url: 'http://flag', timeout: '1s' },
      pipelines: { folder: 'flag' },
    });
    assert.deepEqual(fromFlags.config, expected);
  });

  const folders: [what: string, text: string, flags: ConfigFlags, given: boolean][] = [
    ['neither names one', 'pipelines:\n', {}, false],
    ['the file does', 'pipelines: {folder: x}', {}, true],
    ['the file names the very default', 'pipelines: {folder: examples/pipelines}', {}, true],
    ['a flag does', '', { pipelinesFolder: 'x' }, true],
  ];
  for (const [what, text, flags, given] of folders) {
    it(`says ${given ? '' : 'not '}that the folder of the pipelines was given if ${what}`, () => {
      const loaded = load(text, flags);
      assert.ok('config' in loaded);
      assert.equal(loaded.pipelinesFolderGiven, given);
    });
  }

  it('reports the problems of the file even where a flag wins, and names the flag whose value is wrong', () => {
    const loaded = load('prometheus: {url: 5}', { prometheusUrl: 'ftp://user:Passw0rd@host', pipelinesFolder: '' });
    const allowed = 'allowed: an http or https URL without query or fragment, as in http://prometheus:9090/prefix';
    assert.deepEqual(loaded, {
      problems: [
        `tocsin.yml:1:19: prometheus.url: found 5, ${allowed}`,
        `--prometheus.url: found "ftp://***@host", ${allowed}`,
        '--pipelines.folder: found "", allowed: a path',
      ],
    });
  });

  it('refuses a Prometheus on a port that cannot be asked, in the file as in the flag', () => {
    const loaded = load('prometheus: {url: "http://a:6000"}', { prometheusUrl: 'http://b:10080' });
    assert.ok('problems' in loaded);
    assert.match(loaded.problems.join('\n'), /found "http:.*a:6000".*\n--prometheus\.url: found "http:.*b:10080"/);
  });

  it('names a flag whose value is wrong, also when the file is good', () => {
    const loaded = load('', { pipelinesFolder: '' });
    assert.deepEqual(loaded, { problems: ['--pipelines.folder: found "", allowed: a path'] });
  });

  const failures: [code: string, problem: string][] = [
    ['ENOENT', 'no such file; check the path, a relative one starts at the working folder'],
    ['ENOTDIR', 'no such file; check the path, a relative one starts at the working folder'],
    ['EACCES', 'permission denied; let the user that runs Tocsin read the file and enter its folders'],
    ['EISDIR', 'is a directory; name the file in it'],
    ['EIO', 'cannot be read: EIO; check the path and the disk'],
  ];
  for (const [code, problem] of failures) {
    it(`names cause and remedy when reading fails with ${code}`, () => {
      assert.deepEqual(loadFailing(code), { problems: [`/etc/tocsin.yml: ${problem}`] });
    });
  }

  it('keeps a problem in one line whatever was thrown', () => {
    const failing = (thrown: unknown) =>
      loadConfig({ configFile: 'f' }, () => {
        throw thrown;
      });
    const lines = String.raw`f: cannot be read: two\u000alines; check the path and the disk`;
    assert.deepEqual(failing(new Error('two\nlines')), { problems: [lines] });
    assert.deepEqual(failing(undefined), { problems: ['f: cannot be read: undefined; check the path and the disk'] });
  });

  it('never throws on any text', () => {
    const flags = fc.record({ prometheusUrl: fc.string(), pipelinesFolder: fc.string() }, { requiredKeys: [] });
    fc.assert(
      fc.property(fc.string({ unit: 'binary' }), flags, (text, given) => {
        const loaded = load(text, given);
        if ('config' in loaded) return;
        for (const problem of loaded.problems) {
          assert.match(problem, /^(tocsin\.yml:[1-9]\d*:[1-9]\d*|--[a-z.]+): [^\p{Cc}\u2028\u2029]+$/u);
        }
      }),
    );
  });
});
