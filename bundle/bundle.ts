import { rmSync } from 'node:fs';
import { builtinModules, createRequire } from 'node:module';
import { basename } from 'node:path';
import { fileURLToPath } from 'node:url';
import { build as runEsbuild, type Metafile, type Plugin } from 'esbuild';
import { bundlePage } from './page.ts';

const require = createRequire(import.meta.url);
const root = fileURLToPath(new URL('..', import.meta.url));

/**
 * The bundle has no `import` of a module of Node, but a `require`: an import reads every export at once, and those of `node:http` load
 * the whole of `fetch` and WebSocket, which costs a tenth of the time to start. What is imported is read one by one: esbuild would make
 * an object with all exports for each file that imports one.
 */
const requireNode: Plugin = {
  name: 'require-node',
  setup(build) {
    const names = new Set(builtinModules.map((name) => name.replace('node:', '')));
    build.onResolve({ filter: /^(node:)?[\w/]+$/ }, ({ path, kind }) => {
      const name = path.replace('node:', '');
      if (kind === 'require-call' || !names.has(name)) return undefined;
      return { path: name, namespace: 'node-builtin', sideEffects: false };
    });
    build.onLoad({ filter: /.*/, namespace: 'node-builtin' }, ({ path }) => ({ contents: exportsOf(`node:${path}`) }));
  },
};

/** A module with the exports of one of Node; those that nobody imports are left out. */
function exportsOf(builtin: string): string {
  const names = Object.keys(require(builtin) as object).filter((name) => name !== 'default' && /^\w+$/.test(name));
  const lines = names.map((name) => `export const ${name} = /* @__PURE__ */ (() => builtin.${name})();`);
  return [`const builtin = require('${builtin}');`, 'export default builtin;', ...lines].join('\n');
}

/**
 * Of the Kubernetes client Tocsin calls only `KubeConfig`. Its other modules are 15 MB of generated classes of every API, which
 * the package does not mark as free of side effects: without this they are all bundled and loaded.
 */
const kubeConfigAlone: Plugin = {
  name: 'kube-config-alone',
  setup(build) {
    const asked = Symbol('asked');
    build.onResolve({ filter: /^(@kubernetes\/client-node$|\.)/ }, async ({ path, pluginData, ...where }) => {
      const isEntry = !path.startsWith('.');
      if (pluginData === asked || !(isEntry || where.importer.includes('/@kubernetes/client-node/'))) return undefined;
      const { kind, importer, resolveDir } = where;
      const resolved = await build.resolve(path, { kind, importer, resolveDir, pluginData: asked });
      if (!isEntry) return { ...resolved, sideEffects: false };
      return { path: createRequire(resolved.path).resolve('./config.js'), sideEffects: false };
    });
  },
};

/**
 * What libraries load and Tocsin never calls, as the end of the module's path: of Express the readers of bodies and queries, files and
 * the types of content; of prom-client clusters, pushing and traces; of zod messages in other languages. That is a third of the text,
 * and a fifth of the time to start.
 */
const neverCalled: Readonly<Record<string, readonly string[]>> = {
  express: ['body-parser', 'serve-static', 'send', 'mime-types', 'qs', 'content-disposition', 'accepts', 'type-is'],
  'prom-client': ['/pushgateway', '/cluster', '@opentelemetry/api'],
  zod: ['/locales/index.js'],
};

const unused: Plugin = {
  name: 'unused',
  setup(build) {
    const names = Object.values(neverCalled).flat();
    build.onResolve({ filter: new RegExp(`(?:${names.join('|')})$`) }, ({ path, importer }) => {
      const [, library = ''] = /.*\/node_modules\/([^/]+)\//.exec(importer) ?? [];
      const isUnused = neverCalled[library]?.some((name) =>
        name.startsWith('/') ? path.endsWith(name) : path === name,
      );
      return isUnused === true ? { path, namespace: 'unused' } : undefined;
    });
    build.onLoad({ filter: /.*/, namespace: 'unused' }, () => ({ contents: 'module.exports = {}' }));
  },
};

/**
 * Winston brings a copy of Node's streams, for older versions of Node: it gets those of Node, with the same names. That is 56 KB of
 * text.
 */
const nodeStreams: Plugin = {
  name: 'node-streams',
  setup(build) {
    build.onResolve({ filter: /^readable-stream(\/|$)/ }, ({ path }) => ({ path, namespace: 'node-streams' }));
    build.onLoad({ filter: /.*/, namespace: 'node-streams' }, ({ path }) => {
      const [, kind] = /_stream_(\w+)\.js$/.exec(path) ?? [];
      const name = kind === undefined ? '' : `.${kind[0]!.toUpperCase()}${kind.slice(1)}`;
      return { contents: `module.exports = require('node:stream')${name};` };
    });
  },
};

/** What only some uses of Tocsin need, with the exports that it imports. */
const lazy: Readonly<Record<string, readonly string[]>> = { re2js: ['RE2JS', 'RE2JSSyntaxException'] };

/** A library that is loaded at the first touch of one of its classes: RE2 takes 5 ms and 1 MiB, and most matchers compare texts. */
const lazyLibraries: Plugin = {
  name: 'lazy-libraries',
  setup(build) {
    build.onResolve({ filter: new RegExp(`^(?:${Object.keys(lazy).join('|')})$`) }, ({ path, kind }) =>
      kind === 'import-statement' ? { path, namespace: 'lazy-library' } : undefined,
    );
    build.onLoad({ filter: /.*/, namespace: 'lazy-library' }, ({ path }) => {
      const classes = lazy[path]!.map(
        (name) => `export const ${name} = new Proxy(function () {}, {
          get: (_, key) => require('${path}').${name}[key], construct: (_, args) => new (require('${path}').${name})(...args) });`,
      );
      return { contents: classes.join('\n'), resolveDir: root };
    });
  },
};

const main = 'src/main.ts';

/** What a thread runs is a file of its own, see `src/runtime/worker-file.ts`. */
const threads = ['src/standalone/manifest-worker.ts', 'src/server/web/password-worker.ts'];

/**
 * Bundles Tocsin and all that it imports. Names stay, so that a stack trace can be read; comments and white space, which are
 * half of the text and stay in memory as long as the process lives, do not.
 * @param folder is emptied first
 */
export async function bundle(folder: string): Promise<Metafile> {
  rmSync(folder, { recursive: true, force: true });
  const { metafile } = await runEsbuild({
    absWorkingDir: root,
    entryPoints: Object.fromEntries([main, ...threads].map((path) => [basename(path, '.ts'), path])),
    outdir: folder,
    bundle: true,
    splitting: true,
    platform: 'node',
    target: 'node22',
    format: 'esm',
    banner: { js: "import{createRequire}from'node:module';const require=createRequire(import.meta.url);" },
    minifySyntax: true,
    minifyWhitespace: true,
    lineLimit: 160,
    // As the image sets it: winston loads no colours then.
    define: { 'process.env.NODE_ENV': '"production"' },
    plugins: [requireNode, kubeConfigAlone, nodeStreams, lazyLibraries, unused],
    metafile: true,
    logLevel: 'warning',
  });
  return metafile;
}

if (process.argv[1] === fileURLToPath(import.meta.url)) {
  await bundle('dist');
  await bundlePage('dist/page');
}
