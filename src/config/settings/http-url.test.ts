import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import fc from 'fast-check';
import { Dispatcher, fetch } from 'undici';
import { readHttpUrl, readPrometheusUrl } from './http-url.ts';
import { describeRefusal } from './reader.ts';
import { cpuMsOf } from '../../runtime/slices.fixture.ts';

describe('readHttpUrl', () => {
  const good: [text: string, url: string][] = [
    ['http://prometheus:9090', 'http://prometheus:9090'],
    ['http://prometheus:9090/', 'http://prometheus:9090'],
    ['https://example.org/prometheus/', 'https://example.org/prometheus'],
    ['HTTP://Prometheus', 'http://prometheus'],
    ['http://[::1]:9090/a/b', 'http://[::1]:9090/a/b'],
    ['http://user:p%40ss@host', 'http://user:p%40ss@host'],
  ];
  for (const [text, value] of good) it(`reads ${text}`, () => assert.deepEqual(readHttpUrl(text), { value }));

  const bad: [text: unknown, suggestion: string | undefined][] = [
    ['prometheus:9090', 'http://prometheus:9090'],
    ['prometheus/prefix', 'http://prometheus/prefix'],
    ['//prometheus', 'http://prometheus'],
    ['http:/prometheus', 'http://prometheus'],
    ['https//prometheus', 'https://prometheus'],
    ['http:prometheus', 'http://prometheus'],
    ['httpbin:80', 'http://httpbin:80'],
    [' http://prometheus ', 'http://prometheus'],
    ['http://prometheus:9090/#/graph', 'http://prometheus:9090/'],
    ['http://prometheus?x=1', 'http://prometheus'],
    ['ftp://prometheus', undefined],
    ['http://', undefined],
    ['http://prometheus:99999', undefined],
    ['http://a b', undefined],
    ['', undefined],
    [5, undefined],
    [null, undefined],
    [['http://prometheus'], undefined],
  ];
  for (const [found, suggestion] of bad) {
    it(`refuses ${JSON.stringify(found)}, suggests ${suggestion}`, () => {
      const reading = readHttpUrl(found);
      assert.ok('allowed' in reading);
      assert.equal(reading.suggestion, suggestion);
    });
  }

  it('is done at once with a text of any length', () => {
    const text = `http://a${' '.repeat(1_000_000)}b`;
    assert.ok(cpuMsOf(() => assert.ok('allowed' in readHttpUrl(text))) < 2000);
  });

  it('suggests nothing for a URL with a password, since a wrong cut would show it', () => {
    const reading = readHttpUrl('http://user:123#45@host');
    assert.ok('allowed' in reading);
    assert.equal(reading.suggestion, undefined);
  });

  it('never throws; what it gives is read again as the same, and what it suggests is good', () => {
    const urlLike = fc.stringMatching(/^(http)?s?:?\/{0,3}[a-z:@./?#[\] \\-]{0,15}$/);
    fc.assert(
      fc.property(fc.oneof(fc.webUrl(), fc.string(), urlLike), (text) => {
        const reading = readHttpUrl(text);
        if ('value' in reading) assert.deepEqual(readHttpUrl(reading.value), reading);
        else if (reading.suggestion !== undefined) assert.ok('value' in readHttpUrl(reading.suggestion));
      }),
    );
  });
});

/** Every port that fetch blocks is below this. */
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
