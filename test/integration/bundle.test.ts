import assert from 'node:assert/strict';
import { mkdtemp, readdir, readFile, rm, stat, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, before, describe, it } from 'node:test';
import { bundle } from '../../bundle/bundle.ts';
import { bundlePage } from '../../bundle/page.ts';

/** The limit for `dist/`, in bytes: if something makes it a tenth larger, look at it with `esbuild --analyze`. */
const largestBundle = 4.7e6;
/** The limit for what a browser loads, in bytes, compressed with gzip. */
const largestPage = 150 * 1024;
/** The limit for what the process reads before its first answer, standalone. */
const largestStart = 2e6;

let folder: string;
let outputs: Awaited<ReturnType<typeof bundle>>['outputs'];

before(async () => {
  folder = await mkdtemp(join(tmpdir(), 'bundle-'));
  ({ outputs } = await bundle(folder));
});
after(() => rm(folder, { recursive: true, force: true }));

/** The input files of the bundle that contribute text to it. */
function inputs(): string[] {
  return Object.values(outputs).flatMap((output) =>
    Object.entries(output.inputs).flatMap(([path, { bytesInOutput }]) => (bytesInOutput > 0 ? [path] : [])),
  );
}

function outputNamed(name: string): string {
  return Object.keys(outputs).find((path) => path.endsWith(`/${name}`))!;
}

/** An output and the outputs that it imports statically. */
function loadedWith(path: string, seen = new Set<string>()): Set<string> {
  if (seen.has(path)) return seen;
  seen.add(path);
  const { imports } = outputs[path]!;
  for (const { kind, external, path: imported } of imports)
    if (kind === 'import-statement' && external !== true) loadedWith(imported, seen);
  return seen;
}

describe('the bundle', () => {
  it('holds of the Kubernetes client what reads a kubeconfig, and no generated class of an API', () => {
    const client = inputs().filter((path) => path.includes('/@kubernetes/client-node/'));
    assert.ok(client.some((path) => path.endsWith('/dist/config.js')));
    assert.deepEqual(
      client.filter((path) => /\/gen\/(models|apis|types)\//.test(path) && !/\/(baseapi|exception)\.js$/.test(path)),
      [],
    );
  });

  it('holds nothing of Express, prom-client, winston and zod that is never called', () => {
    const ofExpress = /\/(body-parser|iconv-lite|serve-static|send|mime-db|mime-types|qs|content-disposition)\//;
    const ofMetrics = /\/prom-client\/lib\/(pushgateway|cluster)\.js$|\/@opentelemetry\//;
    const others = /\/zod\/v4\/locales\/(?!en\.)|\/@so-ric\/colorspace\//;
    const unused = inputs().filter((path) => [ofExpress, ofMetrics, others].some((never) => never.test(path)));
    assert.deepEqual(unused, []);
  });

  it('stays small, and what standalone loads even more so', async () => {
    const bytes = Object.values(outputs).reduce((sum, output) => sum + output.bytes, 0);
    assert.ok(bytes < largestBundle, `${bytes} bytes`);
    const start = ['main.js', 'tocsin.cjs'].flatMap((name) => [...loadedWith(outputNamed(name))]);
    const startBytes = start.reduce((sum, path) => sum + outputs[path]!.bytes, 0);
    assert.ok(startBytes < largestStart, `${startBytes} bytes`);
    assert.equal((await readdir(folder)).length, Object.keys(outputs).length);
  });

  it('keeps the names of functions and breaks its lines, so that a stack trace can be read', async () => {
    const text = await readFile(join(folder, 'main.js'), 'utf8');
    assert.match(text, /function nodeVersionProblem\(/);
    assert.ok(text.split('\n').length > 5);
  });

  it('reads of a module of Node only what is imported, and makes no copy of it for each file', async () => {
    for (const name of await readdir(folder)) {
      const text = await readFile(join(folder, name), 'utf8');
      assert.doesNotMatch(text, /__toESM\((?:__require|require_(?:fs|path|http|crypto|util|stream|net)\d*)\(/);
      assert.doesNotMatch(text, /\bbuiltin\d*\.WebSocket\b/);
    }
  });

  it('has no character outside Latin-1: V8 would keep two bytes for each character of the file', async () => {
    for (const name of await readdir(folder))
      assert.doesNotMatch(await readFile(join(folder, name), 'utf8'), /[^\0-\xff]/);
  });

  it('imports no module of Node but one: an import of node:http would load fetch and WebSocket as well', async () => {
    const imported = new Set<string>();
    for (const name of await readdir(folder)) {
      const text = await readFile(join(folder, name), 'utf8');
      for (const [, module] of text.matchAll(/^import[^"';]*["'](node:[\w/]+)["']/gm)) imported.add(module!);
    }
    assert.deepEqual([...imported], ['node:module']);
  });
});

describe('the page', () => {
  let pageFolder: string;
  before(async () => {
    pageFolder = await mkdtemp(join(tmpdir(), 'page-'));
    await bundlePage(pageFolder);
  });
  after(() => rm(pageFolder, { recursive: true, force: true }));

  it('stays small', async () => {
    const names = await readdir(pageFolder, { recursive: true });
    const compressed = names.filter((name) => name.endsWith('.gz'));
    assert.ok(compressed.length >= 3, names.join());
    const sizes = await Promise.all(compressed.map(async (name) => (await stat(join(pageFolder, name))).size));
    const bytes = sizes.reduce((sum, size) => sum + size, 0);
    assert.ok(bytes <= largestPage, `${bytes} bytes`);
  });

  it('loads files that are there, below its own address, with a hash in each name', async () => {
    const html = await readFile(join(pageFolder, 'index.html'), 'utf8');
    const loaded = [...html.matchAll(/(?:src|href)="([^"]*)"/g)].map(([, path]) => path!);
    assert.ok(loaded.length >= 2);
    for (const path of loaded) {
      assert.match(path, /^assets\/\w+-[A-Z0-9]{8}\.\w+$/);
      for (const suffix of ['', '.br', '.gz']) await stat(join(pageFolder, path + suffix));
    }
  });

  it('has nothing of the program in it', async () => {
    const names = await readdir(join(pageFolder, 'assets'));
    const script = await readFile(
      join(
        pageFolder,
        'assets',
        names.find((name) => name.endsWith('.js'))!,
      ),
      'utf8',
    );
    assert.doesNotMatch(script, /ZodError|node:/);
  });

  it('is bundled again over itself, and leaves no older file', async () => {
    const names = await readdir(pageFolder, { recursive: true });
    await writeFile(join(pageFolder, 'assets/page-OLDOLDOL.js'), '');
    await bundlePage(pageFolder);
    assert.deepEqual((await readdir(pageFolder, { recursive: true })).toSorted(), names.toSorted());
  });
});
