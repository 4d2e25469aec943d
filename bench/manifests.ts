import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';

export interface Manifests {
  readonly folder: string;
  remove(): Promise<void>;
}

/** A folder with this many TracePipelines, `p-0` and up, a hundred per file. */
export async function writeManifests(pipelines: number): Promise<Manifests> {
  const folder = await mkdtemp(join(tmpdir(), 'tocsin-bench-'));
  const documents = Array.from({ length: pipelines }, (_, index) => manifest(`p-${index}`));
  for (let from = 0; from < pipelines; from += 100)
    await writeFile(join(folder, `${from}.yaml`), documents.slice(from, from + 100).join('---\n'));
  return { folder, remove: () => rm(folder, { recursive: true, force: true }) };
}

function manifest(name: string): string {
  return `apiVersion: telemetry.kyma-project.io/v1beta1\nkind: TracePipeline\nmetadata: {name: ${name}}\n`;
}
