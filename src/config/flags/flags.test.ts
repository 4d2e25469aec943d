import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import fc from 'fast-check';
import { flagTable } from './flag-table.ts';
import { parseFlags } from './flags.ts';
import { configKeys } from '../load-config.ts';
import type { Flags } from './flags.ts';

function parse(...args: string[]) {
  return parseFlags(args, { terminal: false, keys: configKeys });
}

function flagsOf(...args: string[]): Partial<Flags> {
  const line = parse(...args);
  return line.command === 'serve' ? line.flags : {};
}

function problemsOf(...args: string[]): readonly string[] {
  const line = parse(...args);
  return line.command === 'error' ? line.problems : [];
}

const defaults: Flags = {
  configFile: undefined,
  prometheusUrl: undefined,
  pipelinesFolder: undefined,
  kubeconfig: undefined,
  context: undefined,
  configWatch: 'auto',
  listenAddress: { host: '127.0.0.1', port: 9093 },
  storagePath: 'data/',
  webConfigFile: undefined,
  admission: undefined,
  routePrefix: '',
  externalUrl: undefined,
  corsOrigin: undefined,
  logLevel: 'info',
  logFormat: 'json',
};

describe('parseFlags', () => {
  it('serves with the defaults when nothing is given', () => {
    assert.deepEqual(parse(), { command: 'serve', flags: defaults });
  });

  it('logs logfmt on a terminal, unless told otherwise', () => {
    assert.deepEqual(parseFlags([], { terminal: true, keys: configKeys }), {
      command: 'serve',
      flags: { ...defaults, logFormat: 'logfmt' },
    });
    const line = parseFlags(['--log.format=json'], { terminal: true, keys: configKeys });
    assert.deepEqual(line, { command: 'serve', flags: defaults });
  });

  const given: [name: string, text: string, key: keyof Flags, value: unknown][] = [
    ['config.file', 'tocsin.yml', 'configFile', 'tocsin.yml'],
    ['web.listen-address', ':80', 'listenAddress', { host: undefined, port: 80 }],
    ['web.listen-address', '[::1]:0', 'listenAddress', { host: '::1', port: 0 }],
    ['web.config.file', 'web.yml', 'webConfigFile', 'web.yml'],
    ['web.route-prefix', 'tocsin/', 'routePrefix', '/tocsin'],
    ['prometheus.url', 'http://prometheus:9090/', 'prometheusUrl', 'http://prometheus:9090'],
    ['pipelines.folder', 'a=b', 'pipelinesFolder', 'a=b'],
    ['storage.path', '/var/lib/tocsin', 'storagePath', '/var/lib/tocsin'],
    ['log.level', 'debug', 'logLevel', 'debug'],
    ['log.format', 'logfmt', 'logFormat', 'logfmt'],
  ];
  for (const [name, text, key, value] of given) {
    it(`reads --${name}=${text} and --${name} ${text}`, () => {
      const expected = { ...defaults, [key]: value };
      assert.deepEqual(flagsOf(`--${name}=${text}`), expected);
      assert.deepEqual(flagsOf(`--${name}`, text), expected);
    });
  }

  it('takes the three flags of admission together, or none of them', () => {
    const [address, cert, key] = [
      '--web.admission-listen-address=:9443',
      '--web.admission-cert-file=a.crt',
      '--web.admission-key-file=a.key',
    ] as const;
    assert.deepEqual(flagsOf(address, cert, key).admission, {
      listenAddress: { host: undefined, port: 9443 },
      certFile: 'a.crt',
      keyFile: 'a.key',
    });
    const all =
      'all of --web.admission-listen-address, --web.admission-cert-file, --web.admission-key-file, or none of them';
    assert.deepEqual(problemsOf(address, key), [`--web.admission-cert-file: missing, allowed: ${all}`]);
    assert.deepEqual(problemsOf(cert), [
      `--web.admission-listen-address and --web.admission-key-file: missing, allowed: ${all}`,
    ]);
  });

  it('takes a value with a leading dash after "="', () => {
    assert.equal(flagsOf('--storage.path=-x').storagePath, '-x');
  });

  it('reads --web.external-url, whose path is the prefix', () => {
    const expected = { ...defaults, externalUrl: 'https://example.com/a/b', routePrefix: '/a/b' };
    assert.deepEqual(flagsOf('--web.external-url=https://example.com/a/b/'), expected);
    assert.deepEqual(flagsOf('--web.external-url', 'https://example.com/a/b/'), expected);
  });

  it('lets --web.route-prefix win over the path of --web.external-url', () => {
    const url = '--web.external-url=http://example.com/proxied';
    assert.equal(flagsOf(url, '--web.route-prefix=/').routePrefix, '');
    assert.equal(flagsOf('--web.route-prefix=x', url).routePrefix, '/x');
  });

  it('reads --web.cors.origin as an expression for the whole origin', () => {
    const { corsOrigin } = flagsOf('--web.cors.origin=https://(a|b)\\.example');
    assert.deepEqual(
      ['https://a.example', 'https://a.example.evil', 'https://axexample'].map((origin) => corsOrigin?.test(origin)),
      [true, false, false],
    );
  });

  it('refuses an expression for the origin that is one only inside of the anchors', () => {
    const { problems } = parse('--web.cors.origin=https://a)|(b') as { problems: readonly string[] };
    assert.match(problems.join('\n'), /--web\.cors\.origin.*unexpected \): `https:\/\/a\)\|\(b`/);
  });

  it('reads check-web-config FILE', () => {
    assert.deepEqual(parse('check-web-config', 'web.yml'), { command: 'check-web-config', file: 'web.yml' });
  });

  it('reads check-config FILE', () => {
    assert.deepEqual(parse('check-config', 'tocsin.yml'), { command: 'check-config', file: 'tocsin.yml' });
    assert.deepEqual(parse('check-config', '--', '-x.yml'), { command: 'check-config', file: '-x.yml' });
  });

  it('gives help and the version, also beside mistakes and commands', () => {
    for (const args of [
      ['--help'],
      ['-h'],
      ['--foo', '-h', 'bar'],
      ['check-config', '--help'],
      ['--version', '--help'],
    ]) {
      assert.deepEqual(parse(...args), { command: 'help' });
    }
    assert.deepEqual(parse('--version'), { command: 'version' });
  });

  it('reports every problem at once, in the order of the command line, words last', () => {
    const args =
      '--log.levle=debug serve --config.file --log.level=loud --storage.path= --log.level info --version=1'.split(' ');
    assert.deepEqual(problemsOf(...args), [
      '--log.levle: unknown flag, did you mean "--log.level"? allowed: the flags in tocsin --help',
      '--config.file: value missing, allowed: --config.file=FILE',
      '--log.level: found "loud", allowed: debug, info, warn, error',
      '--storage.path: found "", allowed: a path',
      '--log.level: given twice, allowed: once',
      '--version: found "1", allowed: no value',
      '"serve": stray argument, allowed: flags, a command of tocsin --help',
    ]);
  });

  const single: [what: string, args: string[], problem: string][] = [
    ['a value missing at the end', ['--log.level'], '--log.level: value missing, allowed: --log.level=LEVEL'],
    ['a value missing before "--"', ['--log.level', '--'], '--log.level: value missing, allowed: --log.level=LEVEL'],
    ['a flag given twice', ['--log.level=info', '--log.level', 'info'], '--log.level: given twice, allowed: once'],
    [
      "a flag in Go's style, once",
      ['-web.listen-address', ':80'],
      '-web.listen-address: unknown flag, did you mean "--web.listen-address"? allowed: the flags in tocsin --help',
    ],
    ['an unknown flag with its value', ['--foo', 'bar'], '--foo: unknown flag, allowed: the flags in tocsin --help'],
    ['a flag called __proto__', ['--__proto__=1'], '--__proto__: unknown flag, allowed: the flags in tocsin --help'],
    ['an unknown short flag', ['-x'], '-x: unknown flag, allowed: the flags in tocsin --help'],
    ['an odd flag', ['--a\nb'], String.raw`"--a\nb": unknown flag, allowed: the flags in tocsin --help`],
    [
      'a key of the file',
      ['--receiver.max-alerts=5'],
      '--receiver.max-alerts: unknown flag, use the key receiver.max_alerts of the configuration file (--config.file)',
    ],
    [
      'a file without a flag',
      ['tocsin.yml'],
      '"tocsin.yml": stray argument, did you mean "--config.file=tocsin.yml"? allowed: flags, a command of tocsin --help',
    ],
    [
      'a flag without dashes',
      ['help'],
      '"help": stray argument, did you mean "--help"? allowed: flags, a command of tocsin --help',
    ],
    [
      'a misspelt command, without its file',
      ['checkconfig', 'tocsin.yml'],
      '"checkconfig": stray argument, did you mean "check-config"? allowed: flags, a command of tocsin --help',
    ],
    [
      'a command after a flag',
      ['--log.level=info', 'why'],
      '"why": stray argument, allowed: as the first word, before every flag: tocsin why [FLAG]...',
    ],
    ['an empty word', [''], '"": stray argument, allowed: flags, a command of tocsin --help'],
    ['check-config without a file', ['check-config'], 'check-config: FILE missing, allowed: tocsin check-config FILE'],
    [
      'check-config with an empty one',
      ['check-config', ''],
      'check-config: found "", allowed: tocsin check-config FILE',
    ],
    ['check-config with two', ['check-config', 'a', 'b'], '"b": stray argument, allowed: tocsin check-config FILE'],
    [
      'check-config with a flag',
      ['check-config', '--log.level=info', 'a'],
      '--log.level: not a flag of check-config, allowed: tocsin check-config FILE',
    ],
    [
      'a Prometheus without scheme',
      ['--prometheus.url=prometheus:9090'],
      '--prometheus.url: found "prometheus:9090", did you mean "http://prometheus:9090"? allowed: an http or https URL without query or fragment, as in http://prometheus:9090/prefix',
    ],
    [
      'a port alone',
      ['--web.listen-address=9093'],
      '--web.listen-address: found "9093", did you mean "127.0.0.1:9093"? allowed: HOST:PORT, :PORT for every interface, [IPV6]:PORT; a port is 0 (any free one) to 65535',
    ],
  ];
  for (const [what, args, problem] of single) {
    it(`reports ${what}`, () => assert.deepEqual(problemsOf(...args), [problem]));
  }

  it('never shows the password of a URL', () => {
    const url = 'http://user:Passw0rd@host';
    const lines = [
      [`--prometheus.url=ftp${url}`],
      ['--prometheus.url', `${url}?x`],
      [`--prometheus.ulr=${url}`],
      ['--prometheus.ulr', url],
      [`--prometheus.url:${url}`],
      [`-prometheus.url=${url}`],
      ['--prometheus.url', url, '--prometheus.url', url],
      ['--help=no', url],
      [url],
      [`--config.file=${url}`],
      ['check-config', url],
      ['check-config', 'a', url],
      [`${url}/tocsin.yml`],
    ];
    for (const args of lines) {
      assert.notEqual(problemsOf(...args).length, 0, args.join(' '));
      assert.doesNotMatch(problemsOf(...args).join('\n'), /Passw0rd/);
    }
  });

  it('never throws, and every problem is one line', () => {
    const names = Object.values(flagTable).map((flag) => `--${flag.name}`);
    const piece = fc.constantFrom(
      ...names,
      '--',
      '-h',
      '-',
      '=',
      'check-config',
      'info',
      'json',
      ':0',
      'a.yml',
      '-x',
      '--no-help',
    );
    const arg = fc.oneof(
      piece,
      fc.string({ unit: 'binary' }),
      fc.tuple(piece, piece).map((pair) => pair.join('=')),
    );
    fc.assert(
      fc.property(fc.array(arg, { maxLength: 6 }), (args) => {
        const line = parse(...args);
        if (line.command !== 'error') return;
        assert.ok(line.problems.length > 0);
        for (const problem of line.problems) assert.match(problem, /^[^\p{Cc}\u2028\u2029]+$/u);
      }),
      { numRuns: 300 },
    );
  });

  it('reads both forms of the same flags alike', () => {
    const value = fc.constantFrom('info', 'json', ':0', 'a', 'http://h', '');
    const name = fc.constantFrom('config.file', 'log.level', 'log.format', 'web.listen-address', 'storage.path', 'foo');
    fc.assert(
      fc.property(fc.array(fc.tuple(name, value), { maxLength: 4 }), (pairs) => {
        const joined = pairs.map(([flag, text]) => `--${flag}=${text}`);
        assert.deepEqual(parse(...joined), parse(...pairs.flatMap(([flag, text]) => [`--${flag}`, text])));
      }),
    );
  });
});
