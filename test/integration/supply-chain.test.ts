import assert from 'node:assert/strict';
import { spawn, spawnSync } from 'node:child_process';
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { text } from 'node:stream/consumers';
import { describe, it } from 'node:test';

interface LockedPackage {
  readonly version: string;
  readonly integrity?: string;
  readonly resolved?: string;
  readonly dev?: boolean;
  readonly devOptional?: boolean;
  readonly optional?: boolean;
}

interface Component {
  readonly name: string;
  readonly version: string;
  readonly hashes: readonly { readonly alg: string }[];
  readonly properties: readonly { readonly name: string }[];
}

const developmentMark = 'cdx:npm:package:development';
const root = join(import.meta.dirname, '../..');
const manifest = read('package.json') as Record<'dependencies' | 'devDependencies', Record<string, string>>;
const { packages } = read('package-lock.json') as { readonly packages: Readonly<Record<string, LockedPackage>> };
const npmVersion = spawnSync('npm', ['--version', '--userconfig', '/dev/null'], { encoding: 'utf8' }).stdout.trim();
/** Debian 12's npm is an example; it is enough for everything else. */
const oldNpm = { skip: Number.parseInt(npmVersion, 10) < 10 && `npm ${npmVersion} has no sbom; get npm 10 or newer` };
const locked = Object.entries(packages).filter(([path]) => path !== '');

describe('the supply chain', () => {
  it('is exact versions, so that an update is a change that somebody reads', () => {
    const versions = Object.values({ ...manifest.dependencies, ...manifest.devDependencies });
    assert.deepEqual(
      versions.filter((version) => !/^\d+\.\d+\.\d+$/.test(version)),
      [],
    );
  });

  it('has a SHA-512 hash of every package, which npm ci checks, and names no registry', () => {
    assert.ok(locked.length > 150);
    const isSafe = ({ integrity = '', resolved }: LockedPackage): boolean =>
      /^sha512-[\w+/]{86}==$/.test(integrity) && resolved === undefined;
    assert.deepEqual(
      locked.filter(([, entry]) => !isSafe(entry)).map(([path]) => path),
      [],
    );
  });

  it('is listed by npm run sbom, each package with a hash and those of development with a mark', oldNpm, async () => {
    const child = spawn('npm', ['run', '--silent', 'sbom', '--userconfig', '/dev/null'], { cwd: root });
    const { components } = JSON.parse(await text(child.stdout)) as { readonly components: readonly Component[] };
    const shipped = components.filter(({ properties }) => !properties.some(({ name }) => name === developmentMark));
    const runs = locked.filter(([, { dev, devOptional, optional }]) => !dev && !devOptional && !optional);
    assert.deepEqual(
      new Set(shipped.map(({ name, version }) => `${name}@${version}`)),
      new Set(runs.map(([path, { version }]) => `${nameOf(path)}@${version}`)),
    );
    assert.ok(components.every(({ hashes }) => hashes.some(({ alg }) => alg === 'SHA-512')));
  });

  it('has a reason for each package that runs in production, at the version that is locked', () => {
    const reasons = readFileSync(join(root, 'docs/dependencies.md'), 'utf8');
    for (const [name, version] of Object.entries(manifest.dependencies)) {
      assert.match(reasons, new RegExp(`^\\| \`${name}\` +\\| ${version.replaceAll('.', '\\.')} `, 'm'), name);
    }
  });
});

function read(file: string): unknown {
  return JSON.parse(readFileSync(join(root, file), 'utf8')) as unknown;
}

function nameOf(path: string): string {
  return path.slice(path.lastIndexOf('node_modules/') + 'node_modules/'.length);
}
