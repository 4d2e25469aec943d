import { rmSync } from 'node:fs';
import { builtinModules, createRequire } from 'node:module';
import { join } from 'node:path';
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
 * the types of content; of prom-client clusters, pushing and traces; of zod messages in other languages; of undici what tests,
 * caches and browsers have. That is a third of the text, and a fifth of the time to start.
 */
const neverCalled: Readonly<Record<string, readonly string[]>> = {
  express: ['body-parser', 'serve-static', 'send', 'mime-types', 'qs', 'content-disposition', 'accepts', 'type-is'],
  'prom-client': ['/pushgateway', '/cluster', '@opentelemetry/api'],
  zod: ['/locales/index.js'],
  undici: [
    '/mock-client',
    '/mock-call-history',
    '/mock-agent',
    '/mock-pool',
    '/snapshot-agent',
    '/sqlite-cache-store',
    '/interceptor/redirect',
    '/interceptor/response-error',
    '/interceptor/retry',
    '/interceptor/dump',
    '/interceptor/dns',
    '/interceptor/cache',
    '/interceptor/decompress',
    '/interceptor/deduplicate',
    '/memory-cache-store',
    '/balanced-pool',
    '/round-robin-pool',
    '/retry-agent',
    '/h2c-client',
    '/websocket',
    '/websocketstream',
    '/websocketerror',
    '/websocket/events',
    '/eventsource',
    '/web/cookies',
  ],
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

/** Libraries that are files of their own, because the program may never need them, or the commands that ask need them too. */
const separate = ['undici', 're2js'] as const;

/** RE2 is loaded at the first touch of one of its classes: it takes 5 ms and 1 MiB, and most matchers compare texts. */
const lazyRe2 = ['RE2JS', 'RE2JSSyntaxException']
  .map(
    (name) => `export const ${name} = new Proxy(function () {}, {
      get: (_, key) => require('./re2js.cjs').${name}[key], construct: (_, args) => new (require('./re2js.cjs').${name})(...args) });`,
  )
  .join('\n');

const separateLibraries: Plugin = {
  name: 'separate-libraries',
  setup(build) {
    build.onResolve({ filter: new RegExp(`^(?:${separate.join('|')})$`) }, ({ path }) => ({
      path,
      namespace: 'separate',
    }));
    build.onResolve({ filter: /./, namespace: 'separate' }, ({ path }) => ({ path, external: true }));
    build.onLoad({ filter: /^undici$/, namespace: 'separate' }, () => ({
      contents: "module.exports = require('./undici.cjs')",
    }));
    build.onLoad({ filter: /^re2js$/, namespace: 'separate' }, () => ({ contents: lazyRe2 }));
  },
};

/** The client of Kubernetes shares nothing with the program. */
const separateKubernetesClient: Plugin = {
  name: 'separate-kubernetes-client',
  setup(build) {
    build.onResolve({ filter: /^@kubernetes\/client-node$/ }, () => ({ path: './client-node.js', external: true }));
  },
};

/** The program is a script, see `bundle/compiled-program.ts`. */
const compiledProgram: Plugin = {
  name: 'compiled-program',
  setup(build) {
    build.onResolve({ filter: /\/cli\/run-command\.ts$/ }, () => ({ path: join(root, 'bundle/compiled-program.ts') }));
  },
};

/**
 * Names stay, so that a stack trace can be read; comments and white space, which are half of the text and stay in memory as long as
 * the process lives, do not.
 */
const common = {
  absWorkingDir: root,
  bundle: true,
  platform: 'node',
  target: 'node22',
  minifySyntax: true,
  minifyWhitespace: true,
  lineLimit: 160,
  metafile: true,
  logLevel: 'warning',
} as const;

// As the image sets it: winston loads no colours then.
const define = { 'process.env.NODE_ENV': '"production"' };
const plugins = [requireNode, kubeConfigAlone, nodeStreams, unused];

/**
 * Bundles Tocsin and all that it imports: `main.js` with the commands that ask, `tocsin.cjs`, which serves, what that imports later,
 * and what threads run (`src/runtime/worker-file.ts`).
 * @param folder is emptied first
 */
export async function bundle(folder: string): Promise<Metafile> {
  rmSync(folder, { recursive: true, force: true });
  const all = [await bundleModules(folder), await bundleProgram(folder), await bundleLibraries(folder)];
  return {
    inputs: Object.assign({}, ...all.map(({ inputs }) => inputs)) as Metafile['inputs'],
    outputs: Object.assign({}, ...all.map(({ outputs }) => outputs)) as Metafile['outputs'],
  };
}

async function bundleModules(folder: string): Promise<Metafile> {
  const { metafile } = await runEsbuild({
    ...common,
    entryPoints: {
      main: 'src/main.ts',
      compile: 'bundle/compile.ts',
      'manifest-worker': 'src/standalone/manifest-worker.ts',
      'password-worker': 'src/server/web/password-worker.ts',
      'client-node': '@kubernetes/client-node',
    },
    outdir: folder,
    splitting: true,
    format: 'esm',
    banner: { js: "import{createRequire as requireOf}from'node:module';const require=requireOf(import.meta.url);" },
    define,
    plugins: [compiledProgram, separateLibraries, ...plugins],
  });
  return metafile;
}

async function bundleProgram(folder: string): Promise<Metafile> {
  const { metafile } = await runEsbuild({
    ...common,
    entryPoints: ['src/cli/run-command.ts'],
    outfile: join(folder, 'tocsin.cjs'),
    format: 'cjs',
    banner: { js: '(function(exports,require,module,importMetaUrl){"use strict";' },
    footer: { js: '})' },
    define: { ...define, 'import.meta.url': 'importMetaUrl' },
    plugins: [separateLibraries, separateKubernetesClient, ...plugins],
  });
  return metafile;
}

async function bundleLibraries(folder: string): Promise<Metafile> {
  const { metafile } = await runEsbuild({
    ...common,
    entryPoints: Object.fromEntries(separate.map((name) => [name, name])),
    outdir: folder,
    outExtension: { '.js': '.cjs' },
    format: 'cjs',
    // With this name, undici leaves out its experimental parser of HTTP: a quarter of its text.
    define: { esbuildDetection: 'true' },
    plugins: [requireNode, unused],
  });
  return metafile;
}

if (process.argv[1] === fileURLToPath(import.meta.url)) {
  await bundle('dist');
  await bundlePage('dist/page');
}
