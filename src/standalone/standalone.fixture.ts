import assert from 'node:assert/strict';
import { mkdir, rm, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import type { TestContext } from 'node:test';
import { Registry } from 'prom-client';
import { FakeClock } from '../runtime/clock.fixture.ts';
import type { Condition, PipelineChange } from '../reconcile/ports.ts';
import { RecordingLogger } from '../runtime/logger.fixture.ts';
import { SliceSchedule } from '../runtime/slices.ts';
import { PipelineFolder } from './pipeline-folder.ts';
import { parsePipelineManifest, type PipelineManifest } from './pipeline-manifest.ts';
import { temporaryFolder } from '../runtime/temporary-folder.fixture.ts';

/** A manifest as a user writes it; `extra` is YAML at the top level. */
export function manifestText(kind: string, name: string, extra = 'spec: {}'): string {
  return `apiVersion: telemetry.kyma-project.io/v1beta1\nkind: ${kind}\nmetadata:\n  name: ${name}\n${extra}\n`;
}

export function condition(type: string, overrides: Partial<Condition> = {}): Condition {
  const base = { status: 'True', reason: 'FlowHealthy', message: 'all is well' } as const;
  return { type, ...base, lastTransitionTime: '2026-11-21T03:00:00Z', ...overrides };
}

/** Lets the event loop turn until the file system has brought about a condition; fails after ten seconds. */
export async function waitUntil(holds: () => boolean): Promise<void> {
  const deadline = performance.now() + 10_000;
  while (!holds()) {
    assert.ok(performance.now() < deadline, `waited in vain until ${holds.toString()}`);
    await new Promise((resolve) => setImmediate(resolve));
  }
}

export interface OpenFolder {
  readonly folder: string;
  readonly storage: string;
  readonly clock: FakeClock;
  readonly logger: RecordingLogger;
  readonly pipelines: PipelineFolder;
  readonly changes: readonly PipelineChange[];
  /** Writes files into the folder, or removes those whose text is undefined. */
  put(files: Readonly<Record<string, string | undefined>>): Promise<void>;
}

/** A pipelines folder with these files, not opened yet. Closed after the test, which fails if it left a timer; each change takes time. */
export async function pipelineFolder(
  test: TestContext,
  files: Readonly<Record<string, string>> = {},
  msPerChange = 0,
): Promise<OpenFolder> {
  const base = await temporaryFolder(test);
  const [folder, storage] = [join(base, 'pipelines'), join(base, 'data')];
  await mkdir(folder);
  const put = async (changed: Readonly<Record<string, string | undefined>>): Promise<void> => {
    for (const [name, text] of Object.entries(changed)) {
      if (text === undefined) await rm(join(folder, name));
      else await writeFile(join(folder, name), text);
    }
  };
  await put(files);
  const [clock, logger, changes] = [new FakeClock(), new RecordingLogger(), new Array<PipelineChange>()];
  const pipelines = new PipelineFolder({
    folder,
    storage,
    clock,
    schedule: new SliceSchedule(clock),
    logger,
    registry: new Registry(),
    onChange: (change) => {
      changes.push(change);
      clock.advance(msPerChange);
    },
  });
  test.after(async () => {
    await pipelines.close();
    assert.equal(clock.pending(), 0, 'a timer was left');
  });
  return { folder, storage, clock, logger, pipelines, changes, put };
}

/** Parses without a thread. */
export async function parseHere(text: string, file: string): Promise<PipelineManifest> {
  return parsePipelineManifest(text, file);
}
