import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import fc from 'fast-check';
import { Config } from './config.ts';
import type { ConfigFlags } from './flags/flags.ts';
import { loadConfig, parseConfigFile } from './load-config.ts';
import { keyPaths } from './settings/setting.ts';

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

  it('reads the files of every http_config from the folder of the configuration', () => {
    const http = '{basic_auth: {username: ann, password_file: secret}}';
    const text = `notify: {alertmanagers: [{url: 'http://a'}, {url: 'http://b', http_config: ${http}}]}\n`;
    const loaded = loadConfig({ configFile: '/etc/tocsin/tocsin.yml' }, () => text);
    assert.ok('config' in loaded);
    assert.deepEqual(
      loaded.config.notify.alertmanagers.map(({ http_config: config }) => config.basic_auth.password_file),
      [null, '/etc/tocsin/secret'],
    );
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

function problemsOf(text: string): readonly string[] {
  const result = parseConfigFile('tocsin.yml', text);
  return 'problems' in result ? result.problems : [];
}

function configOf(text: string): Config | readonly string[] {
  const result = parseConfigFile('tocsin.yml', text);
  return 'problems' in result ? result.problems : result.config;
}

describe('parseConfigFile', () => {
  it('refuses two homes of the pipelines, beside whatever else is wrong', () => {
    const why =
      'pipelines.folder, pipelines.kubernetes: found both, allowed: one of them; pipelines live in a folder or in a cluster';
    assert.deepEqual(problemsOf('pipelines:\n  kubernetes:\n  folder: x\nlog: {a: 1}\n'), [
      `tocsin.yml:3:11: ${why}`,
      'tocsin.yml:4:7: log.a: unknown key, allowed: alert_lines_per_second',
    ]);
    assert.deepEqual(problemsOf('pipelines: {folder: x, kubernetes: {}}'), [`tocsin.yml:1:36: ${why}`]);
    assert.deepEqual(problemsOf('pipelines: {kubernetes: {}}'), []);
  });

  const allDefaults: [what: string, text: string][] = [
    ['an empty file', ''],
    ['comments only', '# nothing\n\n# here\n'],
    ['null', 'null\n'],
    ['an empty document', '---\n...\n'],
    ['a byte order mark', '\ufeff'],
    ['sections with nothing in them', 'receiver:\nsource:\n  debounce:\nlog: {}\nprometheus: ~\n'],
  ];
  for (const [what, text] of allDefaults) {
    it(`takes ${what} for the defaults`, () => assert.deepEqual(configOf(text), Config.parse({})));
  }

  it('reads block and flow style, quotes, CRLF, anchors and aliases', () => {
    const text = [
      'receiver: {max_alerts: &n 7, resolve_timeout: "1m"}',
      'source:',
      '  channel: &c',
      '    capacity: *n',
      "  select: 'labels'",
      '',
    ];
    const config = Config.parse({
      receiver: { max_alerts: 7, resolve_timeout: '1m' },
      source: { channel: { capacity: 7 }, select: 'labels' },
    });
    assert.deepEqual(configOf(text.join('\n')), config);
    assert.deepEqual(configOf(text.join('\r\n')), config);
  });

  it('knows which keys the file sets', () => {
    const result = parseConfigFile('f', 'pipelines:\n  folder: x\nsource:\n');
    assert.ok('sets' in result);
    assert.ok(result.sets('pipelines', 'folder'));
    assert.ok(!result.sets('source', 'select'));
    assert.ok(!result.sets('prometheus', 'url'));
  });

  it('reports every problem at once, in the order of the file, each with its place', () => {
    const text = `receiver:
  max_body_size: 16MB
  max_alert: 5
  max_alerts: many
source:
  debounce: {wait: 10s}
controller:
  action: anotate
log: 5
`;
    assert.deepEqual(problemsOf(text), [
      'tocsin.yml:2:18: receiver.max_body_size: found "16MB", did you mean "16MiB"? allowed: a size from 1KiB to 256MiB (units: B, KiB, MiB, GiB)',
      'tocsin.yml:3:3: receiver.max_alert: unknown key, did you mean "max_alerts"? allowed: ' +
        Object.keys(Config.parse({}).receiver).join(', '),
      'tocsin.yml:4:15: receiver.max_alerts: found "many", allowed: a whole number from 1 up',
      'tocsin.yml:6:13: source.debounce.max_wait (by default): found "1s", allowed: at least wait, which is "10s"',
      'tocsin.yml:8:11: controller.action: found "anotate", did you mean "annotate"? allowed: condition, annotate, log',
      'tocsin.yml:9:6: log: found 5, allowed: a map with the keys alert_lines_per_second',
    ]);
  });

  const sections =
    'receiver, source, lanes, controller, prometheus, pipelines, history, notify, triggers, storm, replicas, tenants, log';
  const single: [what: string, text: string, problem: string][] = [
    ['a root that is a list', '- a\n', `1:1: found <secret>, allowed: a map with the keys ${sections}`],
    ['a root that is a text', '\n  hello\n', `2:3: found <secret>, allowed: a map with the keys ${sections}`],
    [
      'a max_wait below wait, at max_wait',
      'source:\n  debounce:\n    max_wait: 1s\n    wait: 2s\n',
      '3:15: source.debounce.max_wait: found "1s", allowed: at least wait, which is "2s"',
    ],
    [
      'a value that is null',
      'log:\n  alert_lines_per_second:\n',
      '2:26: log.alert_lines_per_second: found null, allowed: a whole number from 1 up',
    ],
    [
      'a key given twice',
      'log:\n  alert_lines_per_second: 5\n  alert_lines_per_second: 6\n',
      '3:3: log.alert_lines_per_second: given twice, first at 2:3; remove one',
    ],
    ['a section given twice', 'log:\nsource:\nlog:\n', '3:1: log: given twice, first at 1:1; remove one'],
    ['an unknown section', '\nfoo: {a: 1}\n', `2:1: foo: unknown key, allowed: ${sections}`],
    ['a key called __proto__', '__proto__: 1\n', `1:1: __proto__: unknown key, allowed: ${sections}`],
    ['a key called constructor', 'constructor: 1\n', `1:1: constructor: unknown key, allowed: ${sections}`],
    [
      'a key of another section',
      'log:\n  capacity: 5\n',
      '2:3: log.capacity: unknown key, did you mean "source.channel.capacity"? allowed: alert_lines_per_second',
    ],
    [
      'a dotted key',
      'log.alert_lines_per_second: 5\n',
      `1:1: "log.alert_lines_per_second": unknown key, did you mean "log: {alert_lines_per_second: ...}"? allowed: ${sections}`,
    ],
    [
      'what is a flag',
      'log:\n  level: debug\n',
      '2:3: log.level: unknown key, use the flag --log.level; allowed here: alert_lines_per_second',
    ],
    [
      'a dotted key that is a flag',
      'web.listen_address: x\n',
      `1:1: "web.listen_address": unknown key, use the flag --web.listen-address; allowed here: ${sections}`,
    ],
    [
      'a section of flags',
      'web:\n  listen_address: x\n',
      `1:1: web: unknown key, use the flag --web.listen-address, --web.config.file, --web.admission-listen-address, --web.admission-cert-file, --web.admission-key-file, --web.external-url, --web.route-prefix, --web.cors.origin; allowed here: ${sections}`,
    ],
    [
      'a wrong value behind an alias, where the alias stands',
      'receiver: {max_alerts: &a 7}\nprometheus:\n  timeout: *a\n',
      '3:12: prometheus.timeout: found 7, did you mean "7s"? allowed: a duration from 1ms to 1w (units: y, w, d, h, m, s, ms, as in 1h30m)',
    ],
    [
      'a lone key without a blank after its colon',
      'log:\n  alert_lines_per_second:5\n',
      '2:3: log: found "alert_lines_per_second:5", did you mean "alert_lines_per_second: 5"? allowed: a map with the keys alert_lines_per_second',
    ],
    [
      'such a key whose value has to be masked',
      'prometheus:\n  url:http://u:Passw0rd@h\n',
      '2:3: prometheus: found "***@h", did you mean "url: ..."? allowed: a map with the keys url, resolve, max_replicas, params, ignored_labels, timeout, max_response_size, max_firing_size, heal_grace, unknown_after, check_interval, require_rules, http_config',
    ],
    ['an odd key', '"a\\nb": 1\n', `1:1: "a\\nb": unknown key, allowed: ${sections}`],
  ];
  for (const [what, text, problem] of single) {
    it(`reports ${what}`, () => assert.deepEqual(problemsOf(text), [`tocsin.yml:${problem}`]));
  }

  const syntax: [what: string, text: string, problem: RegExp][] = [
    ['a tab', 'log:\n\talert_lines_per_second: 5\n', /^tocsin.yml:2:1: not valid YAML: a tab/],
    ['a colon without space', 'log:\n  alert_lines_per_second:5\n  b: 6\n', /^tocsin.yml:2:3: not valid YAML: .*colon/],
    ['a key too far right', 'log:\n  a: 5\n   b: 6\n', /^tocsin.yml:2:6: not valid YAML: a key inside a value; indent/],
    ['a key too far left', 'log:\n   a: 5\n  b: 6\n', /^tocsin.yml:3:1: not valid YAML: /],
    ['a quote not closed, where it opens', 'log:\n  a: "5\n  b: 6\n', /^tocsin.yml:2:6: .* this quote is not closed$/],
    ['a bracket not closed', 'log: {a: 5\nsource:\n', /^tocsin.yml:2:1: not valid YAML: Flow map/],
    [
      'a bracket too many',
      'log: }\n',
      /^tocsin.yml:1:6: not valid YAML: Unexpected flow-map-end token in YAML stream$/,
    ],
    ['a reserved character', 'log: @x\n', /^tocsin.yml:1:6: not valid YAML: .*@$/],
    ['a list for a key', '? [a]\n: b\n', /^tocsin.yml:1:3: not valid here: a key that is no plain word$/],
    ['a second document', 'log:\n---\nlog:\n', /^tocsin.yml:2:1: a second document, allowed: one/],
    ['an unknown tag', 'log: !x {}\n', /^tocsin.yml:1:6: a "!" tag/],
    ['a tag of YAML that would make bytes', 'pipelines: {folder: !!binary aGk=}\n', /^tocsin.yml:1:21: a "!" tag/],
    ['an unknown directive', '%X y\n---\n', /^tocsin.yml:1:1: a "%" directive/],
    ['too much nesting', '['.repeat(50_000), /^tocsin.yml:1:1: nested too deeply/],
    ['too much text', `# ${'x'.repeat(1024 ** 2)}`, /^tocsin.yml:1:1: too large, allowed: 1MiB/],
  ];
  for (const [what, text, problem] of syntax) {
    it(`reports ${what}, once`, () => {
      const problems = problemsOf(text);
      assert.equal(problems.length, 1, problems.join('\n'));
      assert.match(problems[0] ?? '', problem);
    });
  }

  it('reports a second document together with the problems of the first', () => {
    assert.equal(problemsOf('foo: 1\n---\nbar: 1\n').length, 2);
  });

  it('reports mistakes of syntax in several lines, but no values that the first may have moved', () => {
    const problems = problemsOf('receiver:\n  max_alerts: many\nlog: @x\nsource: `y\n');
    assert.deepEqual(
      problems.map((problem) => problem.slice(0, 16)),
      ['tocsin.yml:3:6: ', 'tocsin.yml:4:9: '],
    );
  });

  it('reports an alias that has no anchor, or contains itself', () => {
    assert.match(problemsOf('log: *x\n')[0] ?? '', /^tocsin.yml:1:6: log: alias without an anchor before it/);
    assert.match(problemsOf('log: &x [*x]\n')[1] ?? '', /^tocsin.yml:1:10: log.0: alias without an anchor before it/);
  });

  it('is not held up by an alias bomb, and reports it where it is used', () => {
    const levels = Array.from({ length: 99 }, (_, n) => `  - &a${n + 1} [${`*a${n},`.repeat(9)}]\n`);
    const problems = problemsOf(
      `bomb:\n  - &a0 [lol]\n${levels.join('')}receiver: *a99\nlog:\n  alert_lines_per_second: *a99\n`,
    );
    assert.deepEqual(
      problems.map((problem) => problem.replace(/: (unknown|found).*/, '')),
      ['tocsin.yml:1:1: bomb', 'tocsin.yml:102:11: receiver', 'tocsin.yml:104:27: log.alert_lines_per_second'],
    );
  });

  it('reads a file that calls itself YAML 1.1 by the same rules', () => {
    const problems = problemsOf(
      '%YAML 1.1\n---\nsource: {select: no}\nreceiver: {max_alerts: 1_000, resolve_timeout: 1:30}\n',
    );
    assert.match(problems[0] ?? '', /found "no"/);
    assert.match(problems[1] ?? '', /found "1_000", did you mean 1000\?/);
    assert.match(problems[2] ?? '', /found "1:30"/);
  });

  it('never shows the password of a URL', () => {
    const url = 'http://user:Passw0rd@host';
    const texts = [
      `prometheus: {url: "ftp://user:Passw0rd@host"}`,
      `prometheus: {url: "${url}/?x=1"}`,
      `prometheus: {url: "http://user:Passw0rd#@host"}`,
      `prometheus: {url: ["${url}", 5]}`,
      `prometheus: {url: ["${url}", "${url}"]}`,
      `prometheus: {url: ["${url}/?x=Passw0rd"]}`,
      `prometheus: {url: "http://host/?x=Passw0rd"}`,
      `prometheus: {params: {token: Passw0rd}}`,
      `prometheus: {params: "token=Passw0rd"}`,
      `prometheus: {url: {"${url}": 1}}`,
      `prometheus: "${url}"`,
      `prometheus: ${url}: 5`,
      `prometheus:\n  url: "${url}\n  timeout: 1s\n`,
      `prometheus: {url: ${url}}}`,
      `prometheus:\n  url: x\n ${url}\n`,
      `prometheus: ] ${url}\n`,
      `prometheus: {} ${url}\n`,
      `prometheus: !${url} x\n`,
      `%${url}\n---\n`,
      `"${url}": 1\n"${url}": 2\n`,
      `- ${url}\n`,
      url,
    ];
    for (const text of texts) {
      assert.notEqual(problemsOf(text).length, 0, text);
      assert.doesNotMatch(problemsOf(text).join('\n'), /Passw0rd/, text);
    }
  });

  it('never throws on any text; every problem is one line that starts with the place', () => {
    const names = [...new Set(keyPaths(Config).flat())];
    const word = fc.constantFrom(
      ...names,
      '5',
      '5s',
      '1MiB',
      'null',
      '*a',
      '&a',
      '!t',
      '"',
      "'",
      '---',
      '...',
      '<<',
      '%YAML 1.1',
      '@',
    );
    const separator = fc.constantFrom(
      ': ',
      ':',
      '\n',
      '\n  ',
      '\n\t',
      ' ',
      ', ',
      '{',
      '}',
      '[',
      ']',
      '? ',
      '- ',
      '# ',
      '|\n',
      '\r\n',
    );
    const yamlLike = fc.array(fc.oneof(word, separator), { maxLength: 30 }).map((pieces) => pieces.join(''));
    const json = fc.jsonValue().map((value) => JSON.stringify(value));
    fc.assert(
      fc.property(fc.oneof(fc.string({ unit: 'binary' }), json, { arbitrary: yamlLike, weight: 4 }), (text) => {
        const lines = text.split('\n');
        for (const problem of problemsOf(text)) {
          const [, line, column] = /^tocsin\.yml:(\d+):(\d+): [^\p{Cc}\u2028\u2029]+$/u.exec(problem) ?? [];
          assert.ok(line !== undefined, problem);
          assert.ok(Number(line) >= 1 && Number(line) <= lines.length, problem);
          assert.ok(Number(column) >= 1 && Number(column) <= (lines[Number(line) - 1]?.length ?? 0) + 1, problem);
        }
      }),
      { numRuns: 500 },
    );
  });

  it('accepts every good configuration, however it is nested and quoted', () => {
    const good = fc.record(
      {
        receiver: fc.record({ max_alerts: fc.integer({ min: 1 }) }, { requiredKeys: [] }),
        source: fc.record({ channel: fc.record({ capacity: fc.integer({ min: 1 }) }) }),
        prometheus: fc.record({ url: fc.oneof(fc.constant(null), fc.webUrl()) }),
      },
      { requiredKeys: [] },
    );
    fc.assert(
      fc.property(good, fc.constantFrom(0, 2), (value, indent) => {
        assert.deepEqual(configOf(JSON.stringify(value, null, indent)), Config.parse(value));
      }),
    );
  });

  it('names the place of a mistake in a list of Alertmanagers, and shows no password of a URL', () => {
    const text = `notify:\n  alertmanagers:\n    - url: http://a\n      http_confg: {}\n    - url: ann:hunter2@host\n`;
    const result = parseConfigFile('f', text);
    const problems = 'problems' in result ? result.problems : [];
    assert.equal(problems.length, 2, problems.join('\n'));
    assert.match(
      problems[0]!,
      /^f:4:7: notify\.alertmanagers\.0\.http_confg: unknown key, did you mean "http_config"\?/,
    );
    assert.match(problems[1]!, /^f:5:12: notify\.alertmanagers\.1\.url: found .* allowed: an http or https URL/);
    assert.doesNotMatch(problems.join(), /hunter2/);
  });

  it('shows no key that may be a secret, also if it is given twice', () => {
    const lines = ['hunter2 of ann: 1', 'hunter2 of ann: 2', 'username: a', 'username: b', 'password: c'];
    const text = `prometheus:\n  http_config:\n    basic_auth:\n${lines.map((line) => `      ${line}\n`).join('')}`;
    const result = parseConfigFile('f', text);
    const at = 'prometheus.http_config.basic_auth';
    assert.deepEqual('problems' in result && result.problems, [
      `f:5:7: ${at}.<secret>: given twice, first at 4:7; remove one`,
      `f:5:7: ${at}.<secret>: unknown key, allowed: username, username_file, password, password_file`,
      `f:7:7: ${at}.username: given twice, first at 6:7; remove one`,
    ]);
  });
});
