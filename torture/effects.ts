import { readdir, readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { parse } from 'yaml';
import { eventually } from '../src/runtime/eventually.fixture.ts';
import { postAlerts } from '../src/receiver/post-alerts.fixture.ts';

/** What a user sees of one pipeline, `examples/pipelines/tracepipeline.yaml`, and the alert that changes it. */
export const throttling = { alertname: 'TraceGatewayThrottling' };

interface Status {
  readonly status: {
    readonly conditions: readonly { readonly type: string; readonly status: string; readonly reason: string }[];
  };
}

/** The condition's status in the status file. Rejects if the file is incomplete. */
export async function flowHealthy(storagePath: string): Promise<string> {
  const text = await readFile(join(storagePath, 'status/tracepipeline/backend.yaml'), 'utf8');
  const found = (parse(text) as Status).status.conditions.find(({ type }) => type === 'TelemetryFlowHealthy');
  if (found === undefined) throw new Error('there is no condition TelemetryFlowHealthy');
  return found.status;
}

/** Returns how long it took, in milliseconds. Rejects after `timeoutMs`. */
export async function becomes(storagePath: string, status: string, timeoutMs = 30_000): Promise<number> {
  const startedAt = performance.now();
  await eventually(
    () => flowHealthy(storagePath),
    (found) => found === status,
    timeoutMs,
  );
  return performance.now() - startedAt;
}

/** Every status file must be complete, and no temporary file may remain; returns the violations. */
export async function brokenStatusFiles(storagePath: string): Promise<string[]> {
  const broken: string[] = [];
  for (const entry of await readdir(join(storagePath, 'status'), { recursive: true, withFileTypes: true })) {
    if (!entry.isFile() || entry.name.endsWith('.tmp')) continue;
    const text = await readFile(join(entry.parentPath, entry.name), 'utf8');
    const whole = (parse(text) as Status | null)?.status.conditions.every(({ reason }) => reason !== '');
    if (whole !== true || !text.endsWith('\n')) broken.push(`${entry.name}: ${JSON.stringify(text)}`);
  }
  return broken;
}

/** How long an alert fires by itself after Prometheus has pushed it, in milliseconds. */
const firesMs = 240_000;

/** Pushes the alert like Prometheus, and expects the 200. @param now the sender's time */
export async function push(url: string, firing: boolean, now = Date.now()): Promise<void> {
  const startsAt = new Date(now - 60_000).toISOString();
  const endsAt = new Date(firing ? now + firesMs : now - 1).toISOString();
  await postAlerts(url, [{ labels: throttling, startsAt, endsAt }]);
}

/** Creates a silence that matches no alert that is sent; returns its id, or undefined if the answer was not a 200. */
export async function addSilence(url: string, comment: string): Promise<string | undefined> {
  const response = await fetch(`${url}/api/v2/silences`, {
    method: 'POST',
    headers: { 'Content-Type': 'application/json' },
    body: JSON.stringify({
      matchers: [{ name: 'never', value: 'sent', isRegex: false }],
      startsAt: new Date().toISOString(),
      endsAt: new Date(Date.now() + 3_600_000).toISOString(),
      createdBy: 'torture',
      comment,
    }),
  });
  const text = await response.text();
  return response.status === 200 ? (JSON.parse(text) as { silenceID: string }).silenceID : undefined;
}

export async function silenceIds(url: string): Promise<Set<string>> {
  const response = await fetch(`${url}/api/v2/silences`);
  return new Set(((await response.json()) as { id: string }[]).map(({ id }) => id));
}
