import {
  existsSync,
  globSync,
  mkdirSync,
  readdirSync,
  readFileSync,
  renameSync,
  rmSync,
  statSync,
  writeFileSync,
} from 'node:fs';
import { basename, join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { brotliCompressSync, gzipSync } from 'node:zlib';
import type { OutputFile } from 'esbuild';

const root = fileURLToPath(new URL('..', import.meta.url));
const source = join(root, 'src/page');

/** The names that `index.html` may use, and the entry of each. */
const entries: readonly (readonly [named: string, entry: string])[] = [
  ['assets/page.js', 'src/page/main.ts'],
  ['assets/page.css', 'src/page/page.css'],
  ['assets/icon.svg', 'src/page/icon.svg'],
];

/**
 * Bundles the incident page: `index.html`, and in `assets/` what it loads, each with a hash in its name, so that browsers may keep
 * it for ever. Beside each file stand its compressed forms, `.br` and `.gz`.
 *
 * Each file appears whole, and the index last: a Tocsin that runs may read the folder meanwhile.
 */
export async function bundlePage(folder: string): Promise<void> {
  const { build } = await import('esbuild');
  const html = readFileSync(join(source, 'index.html'), 'utf8');
  const used = entries.filter(([named]) => html.includes(named));
  const { outputFiles, metafile } = await build({
    absWorkingDir: root,
    entryPoints: used.map(([named, entry]) => ({ in: entry, out: named.replace(/\.\w+$/, '') })),
    entryNames: '[dir]/[name]-[hash]',
    outdir: folder,
    bundle: true,
    format: 'esm',
    target: 'es2022',
    jsx: 'automatic',
    jsxImportSource: 'preact',
    loader: { '.svg': 'copy' },
    minify: true,
    legalComments: 'none',
    // What a library checks in development is left out.
    define: { 'process.env.NODE_ENV': '"production"' },
    write: false,
    metafile: true,
    logLevel: 'warning',
  });
  const outputs = Object.entries(metafile.outputs);
  const hashed = new Map(outputs.map(([path, { entryPoint }]) => [entryPoint, `assets/${basename(path)}`]));
  const index = used.reduce((text, [named, entry]) => text.replaceAll(named, hashed.get(entry)!), html);
  mkdirSync(join(folder, 'assets'), { recursive: true });
  for (const { path, contents } of outputFiles) writeAll(join(folder, 'assets', basename(path)), contents);
  writeAll(join(folder, 'index.html'), Buffer.from(index));
  removeOthers(join(folder, 'assets'), outputFiles);
}

function writeAll(path: string, contents: Uint8Array): void {
  writeWhole(path, contents);
  writeWhole(`${path}.br`, brotliCompressSync(contents));
  writeWhole(`${path}.gz`, gzipSync(contents, { level: 9 }));
}

function writeWhole(path: string, contents: Uint8Array): void {
  const unfinished = `${path}.${process.pid}.tmp`;
  writeFileSync(unfinished, contents);
  renameSync(unfinished, path);
}

function removeOthers(folder: string, kept: readonly OutputFile[]): void {
  const names = new Set(kept.map(({ path }) => basename(path)));
  for (const name of readdirSync(folder))
    if (!names.has(name.replace(/\.(?:br|gz)$/, '')) && !name.endsWith('.tmp'))
      rmSync(join(folder, name), { force: true });
}

/** True if nothing that the page is made from has changed since it was bundled. */
function isCurrent(folder: string): boolean {
  const index = join(folder, 'index.html');
  if (!existsSync(index)) return false;
  const builtAt = statSync(index).mtimeMs;
  const made = ['src/page/**', 'bundle/page.ts', 'package-lock.json'].flatMap((pattern) =>
    globSync(pattern, { cwd: root }),
  );
  return made.every((path) => statSync(join(root, path)).mtimeMs < builtAt);
}

/** `npm run page`, and with `--if-older` what `npm start` runs before it starts. */
async function run(isStart: boolean): Promise<void> {
  const folder = join(root, 'dist/page');
  if (isStart && isCurrent(folder)) return;
  try {
    await bundlePage(folder);
  } catch (error) {
    // Alerts are taken in without the page, too.
    process.stderr.write(`tocsin: the incident page could not be built (${(error as Error).message})\n`);
    process.exitCode = isStart ? 0 : 1;
  }
}

if (process.argv[1] === fileURLToPath(import.meta.url)) await run(process.argv.includes('--if-older'));
