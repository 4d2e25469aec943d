import { once } from 'node:events';
import { createServer, type IncomingHttpHeaders, type IncomingMessage, type ServerResponse } from 'node:http';
import type { AddressInfo } from 'node:net';
import { text } from 'node:stream/consumers';
import type { TestContext } from 'node:test';
import { eventually } from '../runtime/eventually.fixture.ts';
import type { PostableAlert } from './postable.ts';

export interface PostedBatch {
  readonly path: string;
  readonly headers: IncomingHttpHeaders;
  readonly alerts: readonly PostableAlert[];
}

/** An Alertmanager that can be made to hang, to fail and to come back, which a real one does not do on request. */
export class FakeAlertmanager {
  readonly batches: PostedBatch[] = [];
  /** The status of its answers; undefined: it does not answer. */
  status: number | undefined = 200;
  body = '';
  /** The status with which it refuses these alerts; undefined: it does not. */
  refuses: (alerts: readonly PostableAlert[]) => number | undefined = () => undefined;
  headers: Readonly<Record<string, string>> = {};
  url = '';

  static async start(test: TestContext): Promise<FakeAlertmanager> {
    const fake = new FakeAlertmanager();
    const server = createServer((request, response) => void fake.#answer(request, response));
    server.listen(0, '127.0.0.1');
    await once(server, 'listening');
    fake.url = `http://127.0.0.1:${(server.address() as AddressInfo).port}`;
    test.after(async () => {
      server.close();
      server.closeAllConnections();
      await once(server, 'close');
    });
    return fake;
  }

  async #answer(request: IncomingMessage, response: ServerResponse): Promise<void> {
    const body = await text(request);
    const alerts = body === '' ? [] : (JSON.parse(body) as PostableAlert[]);
    this.batches.push({ path: request.url ?? '', headers: request.headers, alerts });
    const status = this.refuses(alerts) ?? this.status;
    if (status !== undefined) response.writeHead(status, this.headers).end(this.body);
  }

  get alerts(): readonly PostableAlert[] {
    return this.batches.flatMap(({ alerts }) => alerts);
  }

  /** Waits until it has been sent so many batches. */
  async posted(count: number): Promise<readonly PostedBatch[]> {
    return eventually(
      () => this.batches,
      (batches) => batches.length >= count,
    );
  }
}
