import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { Dispatcher, fetch } from 'undici';
import { describeRefusal } from './reading.ts';
import { readPrometheusUrl } from './prometheus-url.ts';

/** Every port that fetch blocks is below. */
const mostPorts = 11_000;

class NoConnections extends Dispatcher {
  override dispatch(): boolean {
    throw new Error('nothing is sent');
  }
}

describe('readPrometheusUrl', () => {
  it('refuses the ports that fetch refuses, and no other', async () => {
    const dispatcher = new NoConnections();
    for (let port = 1; port < mostPorts; port++) {
      const url = `http://prometheus:${port}`;
      const error: unknown = await fetch(url, { dispatcher }).catch(({ cause }: Error) => cause);
      const blocked = (error as Error).message === 'bad port';
      assert.equal('allowed' in readPrometheusUrl(url), blocked, `port ${port}`);
    }
  });

  it('says which port it is, and what can be done', () => {
    for (const url of ['http://prometheus:6000/prefix', 'prometheus:6000']) {
      const reading = readPrometheusUrl(url);
      assert.ok('allowed' in reading);
      assert.equal(
        describeRefusal(url, reading),
        `found "${url}", allowed: another port, as the fetch standard blocks 6000; a reverse proxy can give Prometheus one`,
      );
    }
  });

  it('reads every other URL as any http URL', () => {
    assert.deepEqual(readPrometheusUrl('http://prometheus:60000/6000/'), { value: 'http://prometheus:60000/6000' });
    assert.deepEqual(readPrometheusUrl('https://prometheus'), { value: 'https://prometheus' });
    const mended = readPrometheusUrl('prometheus:9090');
    assert.equal('allowed' in mended && mended.suggestion, 'http://prometheus:9090');
  });
});
