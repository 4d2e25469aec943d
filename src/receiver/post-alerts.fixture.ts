import assert from 'node:assert/strict';

export interface PostedAlert {
  readonly labels: Readonly<Record<string, string>>;
  readonly annotations?: Readonly<Record<string, string>>;
  readonly startsAt?: string;
  readonly endsAt?: string;
}

/** Sends alerts as Prometheus does, expects the 200, and returns the id of the request in the log. */
export async function postAlerts(url: string, alerts: readonly PostedAlert[]): Promise<string> {
  const response = await fetch(`${url}/api/v2/alerts`, {
    method: 'POST',
    headers: { 'Content-Type': 'application/json' },
    body: JSON.stringify(alerts),
  });
  assert.equal(response.status, 200, await response.text());
  return response.headers.get('x-request-id')!;
}
