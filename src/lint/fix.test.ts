import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import fc from 'fast-check';
import { fixText } from './fix.ts';
import { fullDisk, problemsOf } from './lint.fixture.ts';

function fixed(text: string, name: string): string {
  const file = { name, text };
  return fixText(file, [file], fullDisk).text;
}

const bad = `# The way of all alerts
route:   # first
  receiver: slackk
  group_wait: 30 sec
  group_intervall: 5m
receivers:
  - name: slack
    slack_configs:
      - api_url_file: '/etc/slack'   # a Secret
        channel: #monitoring
`;

describe('--fix', () => {
  it('mends what is safe, and leaves comments and formatting as they are', () => {
    assert.equal(
      fixed(bad, 'alertmanager.yml'),
      bad
        .replace('slackk', 'slack')
        .replace('30 sec', '30s')
        .replace('group_intervall', 'group_interval')
        .replace('#monitoring', '"#monitoring"'),
    );
  });

  it('tells what it changed, with the place before the change', () => {
    const file = { name: 'alertmanager.yml', text: bad };
    assert.deepEqual(
      fixText(file, [file], fullDisk).changes.map(
        ({ line, column, code, does }) => `${line}:${column} ${code}: ${does}`,
      ),
      [
        '3:13 undefined-receiver: writes slack',
        '4:15 bad-duration: writes 30s',
        '5:3 unknown-key: renames it to group_interval',
        '10:18 null-comment: quotes "#monitoring"',
      ],
    );
  });

  it('mends a file in a ConfigMap at its place in the ConfigMap', () => {
    const inner = bad.trimEnd().replaceAll('\n', '\n    ');
    const outer = `apiVersion: v1\nkind: ConfigMap\ndata:\n  alertmanager.yml: |\n    ${inner}\n`;
    const expected = fixed(bad, 'alertmanager.yml').trimEnd().replaceAll('\n', '\n    ');
    assert.equal(fixed(outer, 'map.yaml'), outer.replace(inner, expected));
  });

  it('leaves the quotes around a key that it renames', () => {
    const json = '{"route": {"receiver": "a", "routs": []}, "receivers": [{"name": "a"}]}';
    assert.equal(fixed(json, 'alertmanager.json'), json.replace('routs', 'routes'));
    const escaped = json.replace('routs', String.raw`rout\u0073`);
    assert.equal(fixed(escaped, 'alertmanager.json'), escaped);
    assert.equal(fixed('"groupps": []\n', 'rules.yml'), '"groups": []\n');
  });

  it('sends alerts to no other team: a name may be one of two, or differs in a number or a letter that stands alone', () => {
    const text = (receiver: string, ...names: readonly string[]): string =>
      `route: {receiver: ${receiver}}\nreceivers: [${names.map((name) => `{name: ${name}}`).join(', ')}]\n`;
    for (const [receiver, ...names] of [
      ['team-c', 'team-a', 'team-b'],
      ['team-c', 'team-a'],
      ['shard-11', 'shard-12'],
      ['prod', 'prod2'],
    ] as const)
      assert.equal(fixed(text(receiver, ...names), 'alertmanager.yml'), text(receiver, ...names));
    assert.equal(fixed(text('team_a', 'team-a'), 'alertmanager.yml'), text('team-a', 'team-a'));
  });

  it('quotes a value that YAML takes as a comment, and leaves the comment behind it', () => {
    const text = (channel: string): string =>
      `route: {receiver: a}\nreceivers:\n- name: a\n  slack_configs:\n  - api_url_file: /a\n    channel: ${channel} # all\n`;
    assert.equal(fixed(text('#ops'), 'alertmanager.yml'), text('"#ops"'));
  });

  it('makes no change that breaks something else', () => {
    const twice = 'route: {receiver: a, group_intervall: 1m, group_interval: 2m}\nreceivers: [{name: a}]\n';
    assert.equal(fixed(twice, 'alertmanager.yml'), twice);
    const quoted = JSON.stringify({ apiVersion: 'v1', kind: 'ConfigMap', data: { 'alertmanager.yml': bad } });
    const mended = JSON.parse(fixed(quoted, 'map.json')) as { data: Record<string, string> };
    // The quotes of a channel would end those of JSON.
    assert.equal(
      mended.data['alertmanager.yml'],
      fixed(bad, 'alertmanager.yml').replace('"#monitoring"', '#monitoring'),
    );
  });

  it('never makes a file worse, and a second run finds nothing to do, whatever the file is', () => {
    const change = fc.tuple(
      fc.nat(),
      fc.nat(6),
      fc.constantFrom(
        '',
        ' ',
        '\n',
        ':',
        '- ',
        '"',
        '#x',
        'slackk',
        '30 sec',
        'receivr: slack',
        'channel: #a\n        ',
      ),
    );
    fc.assert(
      fc.property(fc.array(change, { maxLength: 3 }), (changes) => {
        const text = changes.reduce((before, [at, length, put]) => {
          const start = at % (before.length + 1);
          return before.slice(0, start) + put + before.slice(start + length);
        }, bad);
        const after = fixed(text, 'alertmanager.yml');
        assert.equal(fixed(after, 'alertmanager.yml'), after);
        const broken = (source: string): number =>
          problemsOf(source, 'alertmanager.yml').filter(({ code }) => /^yaml-|^duplicate-key/.test(code)).length;
        assert.ok(broken(after) <= broken(text), `${text}\n=>\n${after}`);
        assert.equal(after.split('\n').length, text.split('\n').length);
      }),
      { numRuns: 20 },
    );
  });
});
