import { readFileSync } from 'node:fs';
import { setTimeout } from 'node:timers/promises';
import { startChild } from '../test/support/child-process.ts';
import { KubeAdmin } from '../test/support/kube-admin.ts';
import { skipWithoutKube, startKubeApiServer } from '../test/support/kube-api-server.ts';
import { residentBytes } from '../test/support/resident-memory.ts';
import { compileBundle, startBundle, startPeer } from './peers.ts';
import type { Section } from './section.ts';
import { mebibytes, type Row } from './table.ts';

const pipelines = 100;
/** Runs until it is stopped, and does nothing: the cost of Node itself on this machine. */
const nothing = 'setInterval(() => undefined, 60_000)';
const httpServer = `require('node:http').createServer(() => undefined).listen(0, '127.0.0.1')`;

interface Resting {
  readonly pid: number;
  readonly stop: () => Promise<unknown>;
}

/** The memory of a process that has started and has not received a request since. */
export const rest: Section = {
  name: 'rest',
  title: 'At rest: resident memory of a process that was started and then left alone',
  async run({ quick }) {
    const seconds = quick ? 30 : 60;
    await compileBundle();
    const rows: Row[] = [];
    const measure = async (what: string, target: string, start: () => Promise<Resting>): Promise<void> => {
      rows.push({ what, ...(await afterRest(start, seconds)), target });
    };
    await measure('node, an empty program', '', () => startNode(nothing));
    await measure('node, an HTTP server without a handler', '', () => startNode(httpServer));
    await measure('tocsin, standalone', '≤ 65 MiB', async () => resting(await startPeer('tocsin')));
    await measure('alertmanager', '', async () => resting(await startPeer('alertmanager')));
    const missing = skipWithoutKube();
    if (missing !== false) rows.push({ what: missing });
    else await measure(`tocsin, ${pipelines} pipelines on Kubernetes`, '≤ 90 MiB', startOnKubernetes);
    return { rows, raw: { seconds, rows } };
  },
};

async function afterRest(start: () => Promise<Resting>, seconds: number): Promise<Row> {
  const { pid, stop } = await start();
  try {
    await setTimeout(seconds * 1000);
    const [anonymous, file] = [statusBytes(pid, 'RssAnon'), statusBytes(pid, 'RssFile')];
    return {
      [`resident after ${seconds} s`]: mebibytes(residentBytes(pid)),
      'its own': mebibytes(anonymous),
      'of files': mebibytes(file),
    };
  } finally {
    await stop();
  }
}

function statusBytes(pid: number, name: string): number {
  const match = new RegExp(`^${name}:\\s+(\\d+) kB$`, 'm').exec(readFileSync(`/proc/${pid}/status`, 'utf8'));
  if (match === null) throw new Error(`/proc/${pid}/status has no ${name}`);
  return Number(match[1]) * 1024;
}

function resting(server: { readonly child: { readonly pid: number }; readonly stop: () => Promise<unknown> }): Resting {
  return { pid: server.child.pid, stop: () => server.stop() };
}

async function startNode(program: string): Promise<Resting> {
  const child = await startChild({ name: 'node', command: process.execPath, args: ['-e', program] });
  return { pid: child.pid, stop: () => child.stop() };
}

async function startOnKubernetes(): Promise<Resting> {
  const kube = await startKubeApiServer();
  const admin = new KubeAdmin(kube);
  const names = Array.from({ length: pipelines }, (_, index) => `p-${index}`);
  await admin.create('TracePipeline', names);
  const tocsin = await startBundle({ args: [`--kubeconfig=${kube.kubeconfig}`] });
  const stop = async (): Promise<unknown> => {
    await Promise.allSettled([tocsin.stop(), admin.close()]);
    return kube.stop();
  };
  return { pid: tocsin.child.pid, stop };
}
