import assert from 'node:assert/strict';
import { globSync } from 'node:fs';
import { describe, it } from 'node:test';
import { parse } from 'yaml';
import { rulesPrint } from '../../src/cli/rules-print.ts';
import { Config } from '../../src/config/config.ts';
import { flagTable } from '../../src/config/flags/flag-table.ts';
import type { Flag } from '../../src/config/flags/flag-table.ts';
import { keyPaths, keysAt } from '../../src/config/settings/setting.ts';
import { healthRules, severities } from '../../src/health/health-rules.ts';
import { pageRoutes } from '../../src/receiver/page/incident-page.ts';
import { createRoutes } from '../../src/receiver/routes.ts';
import { defaultRuleGroups, ruleGroups } from '../../src/rules/rule-files.ts';
import { WebConfig } from '../../src/server/web/web-config.ts';
import { limitNames } from '../../src/server/request/http-metrics.ts';
import { block, codeIn, read, root, section, tableRows } from '../support/documentation.ts';

const source = globSync('src/**/*.ts', { cwd: root })
  .filter((file) => !/\.(?:test|fixture)\.ts$/.test(file))
  .map(read)
  .join('\n');

describe('docs/log.md', () => {
  const documented = new Set(
    tableRows(read('docs/log.md')).flatMap(([events = '']) => events.match(/(?<=`)[a-z_]+\.[a-z_]+(?=`)/g) ?? []),
  );

  it('has every event that is written', () => {
    const written = [...source.matchAll(/\.(?:debug|info|warn|error)\(\s*'([a-z_]+\.[a-z_]+)'/g)].map(
      ([, name]) => name!,
    );
    assert.ok(written.length > 50);
    assert.deepEqual(missing(written, documented), []);
  });

  it('has no event that is not', () => {
    assert.deepEqual(
      [...documented].filter((name) => !source.includes(`'${name}'`) && !source.includes(templateOf(name))),
      [],
    );
  });

  it('shows a log of one alert in which each event is one of these', () => {
    const shown = [...read('docs/log.md').matchAll(/^time=\S+ level=\w+ event=(\S+) /gm)].map(([, name]) => name!);
    assert.ok(shown.length > 10);
    assert.deepEqual(missing(shown, documented), []);
  });
});

describe('docs/metrics.md', () => {
  const rows = read('docs/metrics.md').matchAll(/^\| `(\w+)` +\| (\w+) +\|.*?\| ([^|]+?) +\|$/gm);
  const documented = new Map([...rows].map(([, name = '', , help = '']) => [name, help]));
  const made = [...source.matchAll(/name: '([a-z]+_[a-z_]+)',\s+help: (?:'([^']+)'|"([^"]+)")/g)];

  it('has every metric, in its own words', () => {
    assert.ok(made.length > 40, `${made.length}`);
    for (const [, name = '', single, double] of made) assert.equal(documented.get(name), single ?? double, name);
  });

  it('has no other', () => {
    assert.deepEqual(missing([...documented.keys()], new Set(made.map(([, name]) => name!))), []);
  });
});

describe('docs/configuration.md', () => {
  const keys = new Map(
    tableRows(section('docs/configuration.md', 'Keys')).map(([key = '', value = '']) => [key, value]),
  );
  const flags = tableRows(section('docs/configuration.md', 'Flags'));

  it('has every flag, with its default where that is one value', () => {
    assert.deepEqual(
      flags.flatMap(([names = '']) => codeIn(names)),
      Object.values(flagTable).map(({ name }) => `--${name}`),
    );
    for (const { name, default: value } of Object.values<Flag>(flagTable))
      if (value !== undefined)
        assert.deepEqual(flags.find(([names]) => names === `\`--${name}\``)?.[1], `\`${value}\``);
  });

  it('has every key', () => {
    const elsewhere = ['prometheus.http_config', 'replicas.http_config', 'pipelines.kubernetes.kinds'];
    const expected = keyPaths(Config)
      .filter((path) => keysAt(Config, path) === undefined)
      .map((path) => path.join('.'))
      .filter((key) => !elsewhere.some((parent) => key.startsWith(`${parent}.`)));
    const sections = [...elsewhere, 'pipelines.kubernetes'];
    assert.deepEqual(
      [...keys.keys()].map((key) => key.replaceAll('`', '')).toSorted(),
      [...new Set([...expected, ...sections])].toSorted(),
    );
  });

  it('has the default of every key', () => {
    const written = {};
    for (const [key, value] of keys)
      if (value !== 'none') put(written, key.replaceAll('`', '').split('.'), parse(value.replaceAll('`', '')));
    assert.deepEqual(Config.parse(written), Config.parse({}));
    assert.deepEqual(
      [...keys].filter(([, value]) => value === 'none').map(([key]) => key),
      ['`prometheus.http_config`', '`pipelines.kubernetes`', '`replicas.http_config`'],
    );
  });

  it('has every limit that is counted', () => {
    const counted = tableRows(section('docs/configuration.md', 'Limits')).flatMap(([name = '']) => codeIn(name));
    assert.deepEqual(counted.toSorted(), [...limitNames].toSorted());
  });

  it('has the fixed limits as they are', () => {
    const limits = section('docs/configuration.md', 'Limits').replaceAll(/ {2,}/g, ' ');
    for (const [documented, constant] of fixedLimits) {
      assert.ok(limits.includes(documented), documented);
      assert.ok(source.includes(constant), constant);
    }
  });
});

describe('docs/prometheus-http-config.md', () => {
  it('has every key of prometheus.http_config, and no other', () => {
    const [keyTable = ''] = read('docs/prometheus-http-config.md').split('\n## ');
    const documented = tableRows(keyTable).flatMap(([names = '']) => codeIn(names));
    const keys = keyPaths(Config)
      .filter(([top, next]) => top === 'prometheus' && next === 'http_config')
      .filter((path) => keysAt(Config, path) === undefined)
      .map((path) => path.at(-1)!);
    const words = new Set(documented.map((name) => name.split('.').at(-1)!));
    assert.ok(keys.length > 15);
    assert.deepEqual(
      missing(
        keys.filter((key) => key !== 'http_headers'),
        words,
      ),
      [],
    );
    assert.deepEqual(missing([...words], new Set([...keys, 'values', 'secrets', 'files'])), []);
  });
});

describe('docs/web-configuration.md', () => {
  it('shows every key of the web configuration, as it may be written', () => {
    const shown: unknown = parse(block('docs/web-configuration.md', 'yaml'));
    WebConfig.parse(shown);
    const leaves = keyPaths(WebConfig).filter((path) => keysAt(WebConfig, path) === undefined);
    const text = block('docs/web-configuration.md', 'yaml');
    assert.ok(leaves.length > 15);
    assert.deepEqual(
      leaves.map((path) => path.at(-1)!).filter((key) => !new RegExp(`\\b${key}:`).test(text)),
      [],
    );
  });
});

describe('docs/http-api.md', () => {
  const rows = tableRows(section('docs/http-api.md', 'Endpoints'));
  const documented = new Set(rows.flatMap(([endpoint = '']) => codeIn(endpoint)).map(pathOf));

  it('has every path that is served, and no other', () => {
    const alertmanager = createRoutes({ alerts: {} } as Parameters<typeof createRoutes>[0]);
    const served = [...alertmanager, ...pageRoutes('dist/page')]
      .map(({ path }) => path)
      .filter((path) => !path.startsWith('/api/v1/'))
      .map((path) => path.replaceAll(/:(\w+)/g, '{$1}'));
    assert.ok(served.length > 10, `${served.length}`);
    assert.deepEqual(missing(served, documented), []);
    assert.deepEqual(missing([...documented], new Set([...served, '/api/v1/…', '/api/peers/v1/…'])), []);
  });
});

describe('docs/how-it-decides.md', () => {
  it('has every alert of the health rules, and no other', () => {
    const documented = tableRows(section('docs/how-it-decides.md', 'From an alert to a condition'))
      .filter(([pipeline = '']) => /Pipeline\b/.test(pipeline))
      .flatMap(([, alerts = '']) => codeIn(alerts));
    const { alerts, alertnamePrefix } = healthRules;
    const known = alerts.map(({ flavour, rule }) => `${alertnamePrefix[flavour]}${rule}`);
    assert.deepEqual(documented.toSorted(), known.toSorted());
  });

  it('names the severities in their order', () => {
    const text = section('docs/how-it-decides.md', 'From an alert to a condition').replaceAll(/\s+/g, ' ');
    assert.match(
      text,
      /all data dropped, then some data dropped, then no logs delivered, then buffer filling up, then throttling/,
    );
    assert.deepEqual(severities, [
      'all dropped',
      'some dropped',
      'no logs delivered',
      'buffer filling up',
      'throttling',
    ]);
  });
});

describe('docs/rules.md', () => {
  it('has every group of rules, in the order in which they are printed, and says which is opt-in', () => {
    const rows = tableRows(section('docs/rules.md', 'Groups'));
    const order = new Map(ruleGroups.map((group, index) => [`[${group}](../rules/${group}.yml)`, index]));
    assert.deepEqual(
      rows.map(([name = '']) => order.get(name)),
      ruleGroups.map((_, index) => index),
    );
    assert.deepEqual(
      rows.filter(([, about = '']) => about.includes('opt-in')).map(([name = '']) => order.get(name)),
      ruleGroups.flatMap((group, index) => (defaultRuleGroups.includes(group) ? [] : [index])),
    );
  });

  it('has every flag of tocsin rules print, and no other', () => {
    const [flags = ''] = read('docs/rules.md').split('\n## ');
    assert.deepEqual(
      tableRows(flags).flatMap(([name = '']) => codeIn(name)),
      Object.values<Flag>(rulesPrint.flags)
        .filter(({ name }) => name !== 'help')
        .map(({ name, short }) => (short === undefined ? `--${name}` : `-${short}`)),
    );
  });
});

describe('docs/kubernetes.md', () => {
  it('has every component and overlay', () => {
    const documented = tableRows(section('docs/kubernetes.md', 'With kustomize')).flatMap(([folder = '']) =>
      codeIn(folder),
    );
    const folders = globSync(['k8s/overlays/*/', 'k8s/components/*/'], { cwd: root });
    assert.deepEqual(
      documented.toSorted(),
      ['k8s/base', ...folders.filter((name) => !name.endsWith('/image'))].toSorted(),
    );
  });
});

/** The text of the page, and the constant of the program. */
const fixedLimits = [
  ['16 requests without waiting for an answer', 'maxPipelinedRequests = 16;'],
  ['16 lists of alerts at once', 'openLists = 16;'],
  ['reads nothing for 1 s', 'slowReaderMs = 1000;'],
  ['32 MiB for all silences', 'silencesMemoryBytes = 32 * 1024 * 1024;'],
  ['2,000,000: characters', 'maxRegexpSteps = 2_000_000;'],
  ['8000 instructions', 'filterInstructions = 8000;'],
  ['64 passwords', 'maxPasswordChecks = 64;'],
  ['1024 refusals', 'maxDelayedRefusals = 1024;'],
  ['128 less than the file descriptors', 'reservedFileDescriptors = 128;'],
  ['bodies larger than 1 MiB | 1 at a time', 'largeBodyBytes = 1024 * 1024;'],
  ['bodies larger than 1 MiB | 1 at a time', 'largeBodySlots = 1;'],
  ['a reconcile | 60 s', 'reconcileDeadlineMs = 60_000;'],
  ['10 per second', 'refusalLinesPerSecond = 10;'],
  ['credentials | 1 MiB', 'configurationFileBytes = 1024 * 1024;'],
  ['manifests together | 16 MiB', 'folderBytes = 16 * 1024 * 1024;'],
  ['manifests | 8 MiB', 'manifestBytes = 8 * 1024 * 1024;'],
  ['10,000 documents', 'manifestDocuments = 10_000;'],
  ['1,000,000 YAML tokens', 'manifestTokens = 1_000_000;'],
  ['1.5 MiB', 'objectBytes = 1.5 * 1024 * 1024;'],
  ['250,000 YAML tokens', 'documentTokens = 250_000;'],
  ['192 MiB of memory', 'manifestHeapMiB = 192;'],
  [', 10 s, ', 'manifestDeadlineMs = 10_000;'],
  ['API server | 16 MiB', 'apiPageBytes = 16 * 1024 * 1024;'],
  ['API server | 64 MiB', 'apiAnswerBytes = 64 * 1024 * 1024;'],
  ['one object | 256 KiB', 'apiObjectBytes = 256 * 1024;'],
  ['all objects | 32 MiB', 'apiObjectsBytes = 32 * 1024 * 1024;'],
  ['triggers may choose | 20 MiB', 'targetObjectsBytes = 20 * 1024 * 1024;'],
  ['owners of pods | 4 MiB', 'ownerCacheBytes = 4 * 1024 * 1024;'],
  ['choose | 100, each', 'maxTargetWatches = 100;'],
  ['20 per second, 100 at once', 'ownerReadsPerSecond = 20;'],
  ['20 per second, 100 at once', 'ownerReadsAtOnce = 100;'],
  ['owners above a pod | 8', 'maxOwners = 8;'],
  ['standard output | 4 MiB', 'maxUnreadBytes = 4 * 1024 * 1024;'],
] as const;

function put(target: Record<string, unknown>, [key = '', ...rest]: readonly string[], value: unknown): void {
  if (rest.length === 0) target[key] = value;
  else put((target[key] ??= {}) as Record<string, unknown>, rest, value);
}

function missing(names: readonly string[], known: ReadonlySet<string>): readonly string[] {
  return names.filter((name) => !known.has(name));
}

/** The path of an endpoint such as `GET /metrics`. */
function pathOf(endpoint: string): string {
  return endpoint.replace(/^[A-Z]+ /, '');
}

/** Some events are documented as a family, such as `pipeline.${kind}`. */
function templateOf(event: string): string {
  return `\`${event.split('.')[0]}.\${kind}\``;
}
