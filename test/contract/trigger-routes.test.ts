import assert from 'node:assert/strict';
import { execFile } from 'node:child_process';
import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { describe, it } from 'node:test';
import { promisify } from 'node:util';
import fc from 'fast-check';
import { stringify } from 'yaml';
import { requireServer, skipWithout } from '../support/servers.ts';
import { runAsk } from '../../src/cli/fake-api.fixture.ts';

const run = promisify(execFile);

interface Made {
  readonly namespace: string | undefined;
  readonly matchers: readonly string[];
}

const namespaces = ['shop', 'db'];
const value = fc.constantFrom('', 'shop', 'db', 'A', 'AB', 'critical', 'a.b', 'ü "x"');
const label = fc.constantFrom('alertname', 'namespace', 'severity', 'odd-name');
const expression = fc.constantFrom('', 'A.*', 'A|AB', 'shop|db', '.+', '[^A]*', '(?i)CRITICAL', 'a.b');

const matcher = fc
  .oneof(fc.tuple(label, fc.constantFrom('=', '!='), value), fc.tuple(label, fc.constantFrom('=~', '!~'), expression))
  .map(([name, type, text]) => `${/-/.test(name) ? JSON.stringify(name) : name}${type}${JSON.stringify(text)}`);

const trigger: fc.Arbitrary<Made> = fc.record({
  namespace: fc.option(fc.constantFrom(...namespaces), { nil: undefined }),
  matchers: fc.array(matcher, { maxLength: 4 }),
});

/** An alert always has a name, and no empty label: Alertmanager has none either. */
const alert = fc
  .record(
    {
      alertname: fc.constantFrom('A', 'AB', 'shop'),
      namespace: fc.constantFrom('shop', 'db', 'other'),
      severity: fc.constantFrom('critical', 'a.b'),
      'odd-name': fc.constantFrom('A', 'ü "x"'),
    },
    { requiredKeys: ['alertname'] },
  )
  .map((labels) => labels as Readonly<Record<string, string>>);

/** The custom resources, as kubectl would apply them. */
function resources(triggers: readonly Made[]): string {
  const objects = triggers.map(({ namespace, matchers }, index) => ({
    apiVersion: 'tocsin.dev/v1alpha1',
    kind: namespace === undefined ? 'ClusterAlertTrigger' : 'AlertTrigger',
    metadata: { name: `t${index}`, ...(namespace !== undefined && { namespace }) },
    spec: { matchers, targets: [{ apiVersion: 'v1', kind: 'Pod', name: 'a' }], action: { log: {} } },
  }));
  return objects.map((object) => stringify(object)).join('---\n');
}

/** The routes that prometheus-operator would make of the same: with the namespace, and going on to the next. */
function routes(triggers: readonly Made[]): string {
  const children = triggers.map(({ namespace, matchers }, index) => ({
    receiver: `t${index}`,
    matchers: [...(namespace === undefined ? [] : [`namespace="${namespace}"`]), ...matchers],
    continue: true,
  }));
  const receivers = ['nobody', ...triggers.map((_, index) => `t${index}`)].map((name) => ({ name }));
  return stringify({ route: { receiver: 'nobody', routes: children }, receivers });
}

function quoted(labels: Readonly<Record<string, string>>): readonly string[] {
  return Object.entries(labels).map(([name, text]) => `${JSON.stringify(name)}=${JSON.stringify(text)}`);
}

describe('tocsin trigger test', { skip: skipWithout('amtool') }, () => {
  it('matches what amtool config routes test matches, for the routes that mean the same', async () => {
    const folder = await mkdtemp(join(tmpdir(), 'tocsin-routes-'));
    const [triggersFile, routesFile] = [join(folder, 'triggers.yaml'), join(folder, 'alertmanager.yml')];
    const amtool = requireServer('amtool');
    let matches = 0;
    try {
      await fc.assert(
        fc.asyncProperty(
          fc.array(trigger, { minLength: 1, maxLength: 8 }),
          fc.array(alert, { minLength: 1, maxLength: 3 }),
          async (triggers, alerts) => {
            await writeFile(triggersFile, resources(triggers));
            await writeFile(routesFile, routes(triggers));
            const asked = alerts.map((labels) => `--alert=${quoted(labels).join(',')}`);
            const { code, stdout, stderr } = await runAsk(
              'trigger',
              ['test', '-f', triggersFile, '-o', 'json', ...asked],
              {},
            );
            assert.equal(code, 0, stdout + stderr);
            const ours = (JSON.parse(stdout) as Answer).alerts.map((each) =>
              each.triggers.filter((one) => one.matches).map((one) => one.name.split('/').at(-1)!),
            );
            for (const [index, labels] of alerts.entries()) {
              const args = ['config', 'routes', 'test', '--config.file', routesFile, ...quoted(labels)];
              const theirs = (await run(amtool, args)).stdout.trim().split(',');
              const expected = theirs.filter((name) => name !== 'nobody');
              matches += expected.length;
              assert.deepEqual(ours[index]?.toSorted(), expected.toSorted(), JSON.stringify(labels));
            }
          },
        ),
        { numRuns: 100 },
      );
    } finally {
      await rm(folder, { recursive: true });
    }
    assert.ok(matches > 50, `only ${matches} routes matched: the test has lost its force`);
  });
});

interface Answer {
  readonly alerts: readonly {
    readonly triggers: readonly { readonly name: string; readonly matches: boolean }[];
  }[];
}
