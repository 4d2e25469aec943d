import { once } from 'node:events';
import { Agent as HttpAgent, request as httpRequest, type IncomingMessage } from 'node:http';
import { Agent as HttpsAgent, request as httpsRequest } from 'node:https';
import { text } from 'node:stream/consumers';
import { setTimeout } from 'node:timers/promises';

const body = JSON.stringify([{ labels: { alertname: 'Good' } }]);

/** How long an answer may take: as long as Prometheus waits, in milliseconds. */
const timeoutMs = 10_000;

/** Sends an alert ten times a second, every second time on its kept connection, while others attack. */
export class GoodSender {
  readonly #port: number;
  readonly #tls: boolean;
  readonly #agent: HttpAgent;
  readonly #sending: Promise<void>;
  #isOver = false;
  #failed = 0;

  constructor(port: number, tls: boolean) {
    this.#port = port;
    this.#tls = tls;
    this.#agent = tls
      ? new HttpsAgent({ keepAlive: true, maxSockets: 1 })
      : new HttpAgent({ keepAlive: true, maxSockets: 1 });
    this.#sending = this.#send();
  }

  /** The present value of one series. */
  async metric(series: string): Promise<number> {
    const page = await text(await this.#ask('GET', '/metrics', false));
    const line = page.split('\n').find((candidate) => candidate.startsWith(`${series} `));
    return Number(line?.slice(series.length + 1));
  }

  /** Returns how many of its POSTs were not answered with a 200. */
  async stop(): Promise<number> {
    this.#isOver = true;
    await this.#sending;
    this.#agent.destroy();
    return this.#failed;
  }

  async #send(): Promise<void> {
    for (let count = 0; !this.#isOver; count++) {
      const isGood = await this.#post(count % 2 === 0).catch(() => false);
      if (!isGood) this.#failed++;
      await setTimeout(100);
    }
  }

  async #post(keepsConnection: boolean): Promise<boolean> {
    const answer = await this.#ask('POST', '/api/v2/alerts', keepsConnection);
    await text(answer);
    return answer.statusCode === 200;
  }

  async #ask(method: string, path: string, keepsConnection: boolean): Promise<IncomingMessage> {
    const options = {
      port: this.#port,
      host: '127.0.0.1',
      method,
      path,
      agent: keepsConnection ? this.#agent : false,
      headers: { 'Content-Type': 'application/json' },
      rejectUnauthorized: false,
      signal: AbortSignal.timeout(timeoutMs),
    } as const;
    const sent = this.#tls ? httpsRequest(options) : httpRequest(options);
    sent.end(method === 'POST' ? body : undefined);
    const [answer] = (await once(sent, 'response')) as [IncomingMessage];
    return answer;
  }
}
