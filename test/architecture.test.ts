import assert from 'node:assert/strict';
import { globSync, readFileSync } from 'node:fs';
import { dirname, join, normalize } from 'node:path';
import { describe, it } from 'node:test';

/**
 * The rooms of `src/`, and whose files each may import besides its own and those of `runtime`. A room is the longest of these names
 * that a path begins with. The order is that of `src/README.md`: from the start of the process down to the ground.
 */
const rooms: Readonly<Record<string, readonly string[]>> = {
  cli: [
    'app',
    'config',
    'config/flags',
    'config/settings',
    'server/web',
    'explain',
    'check',
    'lint',
    'rules',
    'routes',
    'trigger',
    'matcher',
    'text',
  ],
  app: ['*'],
  config: ['config/flags', 'config/settings', 'trigger', 'matcher', 'reconcile', 'text'],
  'config/flags': ['config/settings', 'matcher'],
  'config/settings': ['text'],
  server: ['server/request', 'server/web', 'config/flags', 'matcher'],
  'server/web': ['server/request', 'access', 'config/settings', 'matcher', 'text'],
  'server/request': ['text'],
  receiver: [
    'server',
    'server/request',
    'access',
    'silence',
    'cause',
    'alert',
    'alert/postable',
    'matcher',
    'config',
    'config/settings',
    'text',
  ],
  explain: [
    'trigger',
    'server',
    'server/request',
    'access',
    'source',
    'history',
    'health',
    'silence',
    'reconcile',
    'cause',
    'alert',
    'alert/postable',
    'matcher',
    'config/settings',
    'text',
  ],
  page: ['page/edge', 'page/view'],
  'page/view': ['page/core', 'page/edge', 'explain'],
  'page/edge': ['page/core', 'explain'],
  'page/core': ['explain'],
  check: [
    'explain',
    'drift',
    'notify',
    'trigger',
    'health',
    'reconcile',
    'matcher',
    'config',
    'config/settings',
    'storage',
    'text',
  ],
  lint: ['promql', 'server/web', 'config', 'config/flags', 'config/settings', 'health', 'reconcile', 'matcher', 'text'],
  history: ['storage'],
  routes: ['reconcile', 'matcher', 'config/settings'],
  drift: ['source', 'health', 'reconcile', 'cause', 'alert', 'matcher', 'config', 'config/settings'],
  source: ['reconcile', 'trigger', 'workqueue', 'cause', 'alert', 'config'],
  controller: ['reconcile', 'trigger', 'workqueue', 'health', 'cause', 'alert', 'config'],
  workqueue: ['reconcile'],
  trigger: ['reconcile', 'cause', 'alert', 'matcher', 'config/settings', 'text'],
  'trigger/guard': ['trigger', 'reconcile', 'cause', 'storage', 'text'],
  access: ['alert', 'matcher'],
  health: ['reconcile', 'alert'],
  silence: ['alert', 'matcher', 'cause', 'storage', 'text'],
  prometheus: ['reconcile', 'alert', 'config', 'config/settings', 'outbound', 'text'],
  notify: ['reconcile', 'cause', 'alert', 'config', 'outbound', 'text', 'replica'],
  'kubernetes/replica': ['kubernetes', 'replica', 'replica/peers', 'access', 'silence', 'reconcile', 'matcher', 'text'],
  kubernetes: ['trigger', 'access', 'reconcile', 'cause', 'config', 'config/settings', 'outbound', 'text', 'replica'],
  standalone: ['reconcile', 'trigger', 'alert', 'storage', 'text'],
  reconcile: ['cause', 'alert'],
  cause: ['matcher', 'alert', 'text'],
  'alert/postable': ['alert', 'text'],
  alert: ['text'],
  promql: ['matcher'],
  matcher: ['alert', 'text'],
  rules: [],
  'replica/peers': ['replica', 'receiver', 'server', 'server/request', 'access', 'alert', 'config', 'outbound', 'text'],
  replica: [],
  outbound: ['config', 'config/settings', 'text'],
  storage: [],
  text: [],
  runtime: [],
};

/** Libraries that one room alone knows. */
const libraries: Readonly<Record<string, string>> = {
  express: 'server',
  'p-queue': 'workqueue',
  winston: 'runtime',
  '@kubernetes/client-node': 'kubernetes',
  preact: 'page/view',
  'd3-scale': 'page/view',
  protobufjs: 'routes',
};

interface Import {
  readonly file: string;
  readonly target: string;
}

const source = join(import.meta.dirname, '../src');
const names = Object.keys(rooms).toSorted((one, other) => other.length - one.length);
const files = globSync('**/*.{ts,tsx}', { cwd: source }).filter((file) => !/\.(test|fixture)\.ts$/.test(file));
const imports = files.flatMap(importsOf);

function roomOf(path: string): string | undefined {
  return names.find((name) => path.startsWith(`${name}/`));
}

/** What the browser runs. */
function isPage(room: string | undefined): boolean {
  return room?.split('/')[0] === 'page';
}

function importsOf(file: string): Import[] {
  const text = readFileSync(join(source, file), 'utf8');
  const found = text.matchAll(/^(?:import|export|\}) (?:[^;']*? )?'([^']+)'|\bimport\('([^']+)'\)|^import '([^']+)'/gm);
  return [...found].map(([, from, dynamic, bare]) => {
    const specifier = (from ?? dynamic ?? bare)!;
    return { file, target: specifier.startsWith('.') ? normalize(join(dirname(file), specifier)) : specifier };
  });
}

function words(allowed: readonly string[]): string {
  if (allowed.includes('*')) return 'everything but `cli`';
  return allowed.length === 0 ? '–' : allowed.map((name) => `\`${name}\``).join(', ');
}

describe('the rooms of src/', () => {
  it('hold every file but main.ts', () => {
    assert.deepEqual(
      files.filter((file) => roomOf(file) === undefined),
      ['main.ts'],
    );
  });

  it('import what the table allows, and nothing else', () => {
    assert.ok(imports.length > 1000, `only ${imports.length} imports were found`);
    const wrong = imports.filter(({ file, target }) => {
      const [from, to] = [roomOf(file), roomOf(target)];
      if (from === undefined || to === undefined || from === to || to === 'runtime') return false;
      return (isPage(to) && !isPage(from)) || (!rooms[from]!.includes(to) && !rooms[from]!.includes('*'));
    });
    assert.deepEqual(
      wrong.map(
        ({ file, target }) => `src/${file} imports ${target}: ${roomOf(file)} may not import ${roomOf(target)}`,
      ),
      [],
    );
  });

  it('import nothing from test/, not even their tests and fixtures', () => {
    const tests = globSync('**/*.ts', { cwd: source }).flatMap(importsOf);
    const outside = tests.filter(({ target }) => target.startsWith('../test/'));
    assert.deepEqual(
      outside.map(({ file, target }) => `src/${file} imports ${target}: what it needs is a fixture beside the code`),
      [],
    );
  });

  it('give a browser nothing of the program but the types of its API, and the words for them', () => {
    for (const { file, target } of imports.filter((each) => isPage(roomOf(each.file)))) {
      assert.doesNotMatch(target, /^node:/, file);
      if (isPage(roomOf(target)) || roomOf(target) === undefined || target === 'explain/words.ts') continue;
      assert.match(target, /^explain\/schema[\w-]*\.ts$/, file);
      const text = readFileSync(join(source, file), 'utf8');
      assert.doesNotMatch(text, /^(?:import|export) (?!type )[^;']*\/explain\/schema/m, `${file}: import type`);
    }
  });

  it('keep each of these libraries to one room', () => {
    for (const [library, room] of Object.entries(libraries)) {
      const users = imports.filter(({ target }) => target === library).map(({ file }) => roomOf(file));
      assert.deepEqual([...new Set(users)], [room], library);
    }
  });

  it('are the rows of src/README.md, in that order', () => {
    const map = readFileSync(join(source, 'README.md'), 'utf8');
    assert.deepEqual(
      [...map.matchAll(/^\| `([\w/]+)` +\|/gm)].map(([, name]) => name),
      Object.keys(rooms),
    );
  });

  it('are told in CONTRIBUTING.md with what each may import', () => {
    const page = readFileSync(join(source, '../CONTRIBUTING.md'), 'utf8');
    const told = [...page.matchAll(/^\| `([\w/]+)` +\| ([^|]*?) +\|$/gm)].map(([, name, allowed]) => [name, allowed]);
    const expected = Object.entries(rooms).map(([name, allowed]) => [name, words(allowed)]);
    assert.deepEqual(told, expected);
  });

  it('import in one direction: no room imports one that comes back to it', () => {
    const left = new Map(Object.entries(rooms).filter(([, allowed]) => !allowed.includes('*')));
    // A room that imports nothing that is left is in no circle.
    for (let before = Number.POSITIVE_INFINITY; left.size < before;) {
      before = left.size;
      for (const [room, allowed] of left) if (!allowed.some((other) => left.has(other))) left.delete(room);
    }
    assert.deepEqual([...left.keys()], [], 'these are in a circle, or import one');
  });

  it('need every row of the table', () => {
    const used = new Set(imports.map(({ file, target }) => `${roomOf(file)} → ${roomOf(target)}`));
    const unused = Object.entries(rooms).flatMap(([from, allowed]) =>
      allowed.filter((to) => to !== '*' && !used.has(`${from} → ${to}`)).map((to) => `${from} → ${to}`),
    );
    assert.deepEqual(unused, []);
  });
});

describe('every file of src/, bench/, torture/ and test/', () => {
  it('imports nothing that comes back to it, not even a type', () => {
    const root = join(source, '..');
    const all = globSync('{src,bench,torture,test}/**/*.ts', { cwd: root });
    const graph = new Map(all.map((file) => [file, relativeImports(root, file)]));
    // A file that imports nothing that is left is in no circle.
    for (let before = Number.POSITIVE_INFINITY; graph.size < before;) {
      before = graph.size;
      for (const [file, targets] of graph) if (!targets.some((target) => graph.has(target))) graph.delete(file);
    }
    assert.ok(all.length > 500, `only ${all.length} files were found`);
    assert.deepEqual([...graph.keys()], [], 'these are in a circle, or import one');
  });

  it('leaves its temporary folder to `temporaryFolder`, which removes it after all that was started in it', () => {
    const root = join(source, '..');
    const removesFirst = /\b(?:t|test|context)\.after\(\(\) => rm\(/;
    const wrong = globSync('{src,bench,torture,test}/**/*.ts', { cwd: root }).filter(
      (file) =>
        !file.endsWith('/temporary-folder.fixture.ts') && removesFirst.test(readFileSync(join(root, file), 'utf8')),
    );
    assert.deepEqual(
      wrong,
      [],
      'Node runs `t.after` in the order of the calls: use src/runtime/temporary-folder.fixture.ts',
    );
  });
});

function relativeImports(root: string, file: string): string[] {
  const text = readFileSync(join(root, file), 'utf8');
  const found = text.matchAll(/(?:\bfrom|\bimport\()\s*'(\.[^']+)'|^import '(\.[^']+)'/gm);
  return [...found].map(([, named, bare]) => normalize(join(dirname(file), (named ?? bare)!)));
}
