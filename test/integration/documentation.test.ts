import assert from 'node:assert/strict';
import { globSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, it } from 'node:test';

const root = join(import.meta.dirname, '../..');
const source = globSync('src/**/*.ts', { cwd: root })
  .filter((file) => !/\.(?:test|fixture)\.ts$/.test(file))
  .map(read)
  .join('\n');

describe('docs/log.md', () => {
  const documented = new Set(namesIn('docs/log.md', /`([a-z_]+\.[a-z_]+)`/g));

  it('has every event that is written', () => {
    const written = [...source.matchAll(/\.(?:debug|info|warn|error)\(\s*'([a-z_]+\.[a-z_]+)'/g)].map(
      ([, name]) => name!,
    );
    assert.ok(written.length > 50);
    assert.deepEqual(
      written.filter((name) => !documented.has(name)),
      [],
    );
  });

  it('has no event that is not', () => {
    assert.deepEqual(
      [...documented].filter((name) => !source.includes(`'${name}'`) && !source.includes(templateOf(name))),
      [],
    );
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
    const names = new Set(made.map(([, name]) => name));
    assert.deepEqual(
      [...documented.keys()].filter((name) => !names.has(name)),
      [],
    );
  });
});

describe('the documents', () => {
  it('link to files that are there', () => {
    for (const file of ['README.md', 'CONTRIBUTING.md', 'CHANGELOG.md', ...globSync('docs/*.md', { cwd: root })]) {
      const links = read(file).matchAll(/\]\((?!https?:|#)([^)#]+)/g);
      for (const [, link = ''] of links) assert.ok(globSync(join(root, file, '..', link)).length, `${file}: ${link}`);
    }
  });
});

function read(file: string): string {
  return readFileSync(join(root, file), 'utf8');
}

/** Some are written as one of a family, such as `pipeline.${kind}`. */
function templateOf(event: string): string {
  return `\`${event.split('.')[0]}.\${kind}\``;
}

/** Those in the first column of a table. */
function namesIn(file: string, pattern: RegExp): readonly string[] {
  const cells = [...read(file).matchAll(/^\| ([^|]+)\|/gm)].map(([, cell]) => cell!);
  return cells.flatMap((cell) => [...cell.matchAll(pattern)].map(([, name]) => name!));
}
