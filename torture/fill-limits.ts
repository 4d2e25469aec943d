import { mkdir, writeFile } from 'node:fs/promises';
import { join } from 'node:path';

const MiB = 1024 * 1024;

/** One such character doubles the memory of the text around it. */
export const wide = 'ė';

/** Writes a history of the largest size, as an earlier process would have left it. */
export async function fillHistory(storagePath: string, maxBytes = 64 * MiB): Promise<void> {
  const folder = join(storagePath, 'history');
  await mkdir(folder, { recursive: true });
  const segmentBytes = Math.min(4 * MiB, Math.floor(maxBytes / 16));
  const from = Date.now() - 3_600_000;
  for (let id = from * 1000, left = maxBytes; left >= segmentBytes; left -= segmentBytes) {
    const name = `${String(id).padStart(16, '0')}.jsonl`;
    let text = '';
    while (text.length < segmentBytes - 1024) text += oldFact(id++, from);
    await writeFile(join(folder, name), text, { mode: 0o600 });
  }
}

function oldFact(id: number, at: number): string {
  const labels = { alertname: 'Earlier', instance: `10.0.0.${id % 256}:9090`, pad: 'x'.repeat(300) };
  const fields = { fingerprint: id.toString(16).padStart(16, '0'), request_id: 'earlier', labels };
  const line = { id, time: new Date(at).toISOString(), level: 'info', event: 'alert.new', msg: 'alert', ...fields };
  return `${JSON.stringify(line)}\n`;
}

/** Posts the longest bodies that are kept, with long heads, as many as are kept. */
export async function fillPayloads(url: string, count = 100): Promise<void> {
  const headers = Object.fromEntries(Array.from({ length: 10 }, (_, index) => [`x-${index}`, 'h'.repeat(1400)]));
  const body = JSON.stringify([{ labels: { alertname: 'Long' }, annotations: { text: 'x'.repeat(64 * 1024) } }]);
  for (let index = 0; index < count; index++) await post(`${url}/api/v2/alerts`, body, headers);
}

/** Posts silences with large expressions until one is refused; returns how many were taken. */
export async function fillSilences(url: string): Promise<number> {
  const span = { startsAt: new Date().toISOString(), endsAt: new Date(Date.now() + 3_600_000).toISOString() };
  for (let count = 0; ; count++) {
    const value = `${count}${'[\\pL\\d]'.repeat(20)}${wide}`;
    const matchers = Array.from({ length: 10 }, (_, index) => ({ name: `l${index}`, value, isRegex: true }));
    const silence = { matchers, ...span, createdBy: 'torture', comment: wide.repeat(500) };
    if ((await post(`${url}/api/v2/silences`, JSON.stringify(silence))) !== 200) return count;
  }
}

/** Posts alerts until the store is full; `isFull` says so. */
export async function fillAlerts(url: string, isFull: () => Promise<boolean>): Promise<void> {
  const endsAt = new Date(Date.now() + 600_000).toISOString();
  for (let from = 0; !(await isFull()); from += 10_000)
    for (let batch = 0; batch < 10_000; batch += 1000) {
      const alerts = Array.from({ length: 1000 }, (_, index) => ({
        labels: { alertname: 'Full', index: `${from + batch + index}`, instance: '10.0.0.1:9090', severity: 'warning' },
        annotations: { text: `${wide}${'x'.repeat(400)}` },
        endsAt,
      }));
      await post(`${url}/api/v2/alerts`, JSON.stringify(alerts));
    }
}

/** An answer of Prometheus whose firing alerts take just less than this by the estimate of `prometheus.max_firing_size`. */
export function fullAnswer(maxBytes: number, name: string): string {
  const text = wide + 'x'.repeat(999);
  const alert = (index: number): object => ({
    labels: { alertname: 'TraceGatewayThrottling', index: `${name}-${index}`, text },
    annotations: {},
    state: 'firing',
    activeAt: '2026-11-21T03:00:00Z',
    value: '1e+00',
  });
  const estimate = 120 + 3 * 40 + 22 + 10 + 2 * text.length;
  const alerts = Array.from({ length: Math.floor((0.98 * maxBytes) / estimate) }, (_, index) => alert(index));
  return JSON.stringify({ status: 'success', data: { alerts } });
}

/** Returns the status of the answer. */
async function post(url: string, body: string, headers: Readonly<Record<string, string>> = {}): Promise<number> {
  const response = await fetch(url, {
    method: 'POST',
    headers: { 'Content-Type': 'application/json', ...headers },
    body,
  });
  await response.arrayBuffer();
  return response.status;
}
