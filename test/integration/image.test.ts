import assert from 'node:assert/strict';
import { spawnSync } from 'node:child_process';
import { cp, mkdir, readdir, readFile, rename, stat } from 'node:fs/promises';
import { join } from 'node:path';
import { after, before, describe, it } from 'node:test';
import { setTimeout } from 'node:timers/promises';
import { fileURLToPath } from 'node:url';
import packageJson from '../../package.json' with { type: 'json' };
import { startChild, waitUntilReady } from '../support/child-process.ts';
import { readDockerfile, valuesOf, type Instruction } from '../support/dockerfile.ts';
import { eventually } from '../../src/runtime/eventually.fixture.ts';
import { startFakePrometheus } from '../../src/prometheus/fake-prometheus.fixture.ts';
import { freePort } from '../support/free-port.ts';
import { buildImageFolder, runCommand, type ImageFolder } from '../support/image-folder.ts';
import { postAlerts } from '../../src/receiver/post-alerts.fixture.ts';

const project = fileURLToPath(new URL('../..', import.meta.url));

let image: ImageFolder;
let runStage: readonly Instruction[];
let buildStage: readonly Instruction[];
let warmStage: readonly Instruction[];

before(async () => {
  [buildStage = [], warmStage = [], runStage = []] = readDockerfile(
    await readFile(join(project, 'Dockerfile'), 'utf8'),
  );
  image = await buildImageFolder();
});
after(() => image.remove());

/** The command line of the image, with Node and the folder of this machine, and flags instead of CMD. */
function entrypoint(...args: readonly string[]): readonly string[] {
  const [, ...program] = JSON.parse(valuesOf(runStage, 'ENTRYPOINT')[0]!) as string[];
  const here = program.map((word) => (word.startsWith('/') ? join(image.root, word) : word));
  return [process.execPath, ...here, ...args];
}

describe('the Dockerfile', () => {
  it('runs npm scripts and the program, and nothing else', () => {
    assert.deepEqual(valuesOf(buildStage, 'RUN'), ['npm ci', 'npm run build']);
    const [command = ''] = valuesOf(warmStage, 'RUN');
    const entrypointOfImage = JSON.parse(valuesOf(runStage, 'ENTRYPOINT')[0]!) as string[];
    assert.deepEqual(JSON.parse(command), [...entrypointOfImage.slice(0, -1), '/tocsin/dist/compile.js']);
    assert.deepEqual(valuesOf(runStage, 'RUN'), []);
  });

  it('compiles the program as the user, and with the Node, that run it', () => {
    assert.deepEqual(valuesOf(warmStage, 'USER'), valuesOf(runStage, 'USER'));
    assert.deepEqual(valuesOf(warmStage, 'WORKDIR'), valuesOf(runStage, 'WORKDIR'));
    assert.deepEqual(valuesOf(warmStage, 'FROM'), ['${RUN_IMAGE} AS warm']);
    assert.deepEqual(valuesOf(warmStage, 'ENV'), ['NODE_COMPILE_CACHE=/tmp/compile-cache']);
    const copy = `--from=warm --chown=${valuesOf(runStage, 'USER')[0]} /tmp/compile-cache ./.compile-cache`;
    assert.ok(valuesOf(runStage, 'COPY').includes(copy));
  });

  it('runs as a user that is a number and not root', () => {
    assert.deepEqual(valuesOf(runStage, 'USER'), ['65532:65532']);
  });

  it('starts Node itself, without a shell and without an init process', () => {
    assert.deepEqual(JSON.parse(valuesOf(runStage, 'ENTRYPOINT')[0]!), [
      '/nodejs/bin/node',
      '--max-semi-space-size=16',
      '/tocsin/dist/main.js',
    ]);
    assert.deepEqual(JSON.parse(valuesOf(runStage, 'CMD')[0]!), [
      '--web.listen-address=:9093',
      '--storage.path=/tmp/tocsin',
    ]);
    assert.deepEqual(valuesOf(runStage, 'HEALTHCHECK'), []);
  });

  it('takes both base images from an argument, so that a digest can be given', () => {
    assert.deepEqual(valuesOf(buildStage, 'FROM'), ['${BUILD_IMAGE} AS build']);
    assert.deepEqual(valuesOf(runStage, 'FROM'), ['${RUN_IMAGE}']);
  });

  it('has the version of the package', () => {
    assert.ok(valuesOf(runStage, 'ARG').includes(`VERSION=${packageJson.version}`));
  });
});

describe('what the image holds', () => {
  it('is one program, the examples, the rules and the licence', async () => {
    assert.deepEqual((await readdir(image.root)).toSorted(), ['tocsin']);
    assert.deepEqual((await readdir(join(image.root, 'tocsin'))).toSorted(), [
      '.compile-cache',
      'LICENSE',
      'dist',
      'examples',
      'rules',
    ]);
    assert.ok((await readdir(join(image.root, 'tocsin/dist'))).includes('main.js'));
  });

  it('prints the rules for Prometheus', async () => {
    const stdout = await runCommand(entrypoint('rules', 'print', '--group=tocsin').join(' '), image.root);
    assert.match(stdout, /alert: TocsinAbsent/);
  });

  it('tells its version', async () => {
    const stdout = await runCommand(entrypoint('--version').join(' '), image.root);
    assert.match(stdout, new RegExp(`^tocsin ${packageJson.version} `));
  });

  it('has nothing of the start compiled a second time', async () => {
    const told = await runCommand(
      `NODE_DEBUG_NATIVE=COMPILE_CACHE ${entrypoint('--version').join(' ')} 2>&1`,
      image.root,
    );
    assert.match(told, /accepted/);
    assert.doesNotMatch(told, /rejected/);
  });

  it('has the compiled code of a start, which the next start accepts', async () => {
    const cache = join(image.root, 'tocsin/.compile-cache');
    const names = await readdir(cache, { recursive: true });
    const path = join(
      cache,
      names.find((name) => name.endsWith('/tocsin.bin'))!,
    );
    const compiled = await stat(path);
    assert.ok(compiled.size > 1e6, `${compiled.size} bytes`);
    // A start that rejects it has written its own after three seconds.
    await startAndStop(entrypoint(), async (pid) => {
      await setTimeout(4000);
      return pid;
    });
    assert.equal((await stat(path)).mtimeMs, compiled.mtimeMs);
  });

  it('becomes ready, takes an alert in, and ends with 0 after a SIGTERM', () => startAndStop(entrypoint()));

  it('asks a Prometheus', async () => {
    const prometheus = await startFakePrometheus();
    await startAndStop(entrypoint(`--prometheus.url=${prometheus.url}`), (pid) =>
      eventually(prometheus.queries, (queries) => queries > 0).then(() => pid),
    ).finally(() => prometheus.stop());
  });

  it('runs as process 1, too', { skip: skipWithoutNamespaces() }, async () => {
    const flags = ['--user', '--map-root-user', '--pid', '--fork', '--kill-child'];
    await startAndStop(['unshare', ...flags, ...entrypoint()], async (pid) => {
      const children = await readFile(`/proc/${pid}/task/${pid}/children`, 'utf8');
      return Number(children.trim());
    });
  });
});

describe('the package', () => {
  it('runs from its tarball, in a folder without anything else', async () => {
    for (const name of ['README.md', 'CHANGELOG.md', 'LICENSE', 'docs', 'examples']) {
      await cp(join(project, name), join(image.build, name), { recursive: true });
    }
    await runCommand('npm pack --silent --pack-destination .. --userconfig /dev/null', image.build);
    const folder = join(image.build, '..', 'installed');
    await mkdir(folder);
    await runCommand(`tar -xzf ../tocsin-${packageJson.version}.tgz`, folder);
    await rename(join(folder, 'package'), join(folder, 'tocsin'));

    const files = await readdir(join(folder, 'tocsin'));
    assert.deepEqual(files.toSorted(), [
      'CHANGELOG.md',
      'LICENSE',
      'README.md',
      'dist',
      'docs',
      'examples',
      'package.json',
    ]);
    await startAndStop([process.execPath, join(folder, 'tocsin', packageJson.bin.tocsin)]);
  });
});

/** @param processId finds Tocsin's own process, given that of the command; default: the command is Tocsin */
async function startAndStop(
  [command = '', ...args]: readonly string[],
  processId: (pid: number) => Promise<number> | number = (pid) => pid,
): Promise<void> {
  const port = await freePort();
  const child = await startChild({
    name: 'the image',
    command,
    args: [
      ...args,
      `--web.listen-address=127.0.0.1:${port}`,
      `--storage.path=${join(image.root, '..', `data-${port}`)}`,
    ],
    cwd: image.root,
    environment: { NODE_ENV: 'production' },
  });
  try {
    await waitUntilReady(child, `http://127.0.0.1:${port}/-/ready`);
    assert.match(await (await fetch(`http://127.0.0.1:${port}/`)).text(), /^<!doctype html>/);
    await postAlerts(`http://127.0.0.1:${port}`, [{ labels: { alertname: 'TraceGatewayThrottling' } }]);
    process.kill(await processId(child.pid), 'SIGTERM');
    assert.deepEqual(await child.exited, { code: 0, signal: null }, child.recentOutput());
  } finally {
    await child.stop();
  }
}

function skipWithoutNamespaces(): string | false {
  const { status } = spawnSync('unshare', ['--user', '--map-root-user', '--pid', '--fork', 'true']);
  return status === 0 ? false : 'this machine does not let a process have its own process numbers';
}
