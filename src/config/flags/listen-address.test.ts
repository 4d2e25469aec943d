import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import fc from 'fast-check';
import { readListenAddress, readExternalUrl, readRoutePrefix, routePrefixOf } from './listen-address.ts';
import { cpuMsOf } from '../../runtime/slices.fixture.ts';

describe('readListenAddress', () => {
  const good: [text: string, host: string | undefined, port: number][] = [
    ['127.0.0.1:9093', '127.0.0.1', 9093],
    [':9093', undefined, 9093],
    ['0.0.0.0:9093', '0.0.0.0', 9093],
    ['[::1]:9093', '::1', 9093],
    ['[::]:0', '::', 0],
    ['localhost:0', 'localhost', 0],
    ['tocsin-0.tocsin.monitoring.svc:65535', 'tocsin-0.tocsin.monitoring.svc', 65_535],
  ];
  for (const [text, host, port] of good) {
    it(`reads ${text}`, () => assert.deepEqual(readListenAddress(text), { value: { host, port } }));
  }

  const bad: [text: unknown, suggestion: string | undefined][] = [
    ['9093', '127.0.0.1:9093'],
    ['localhost', 'localhost:9093'],
    ['::1', '[::1]:9093'],
    ['::1:9093', '[::1]:9093'],
    ['fe80::1:9093', '[fe80::1]:9093'],
    ['*:9093', ':9093'],
    ['http://localhost:9093/', 'localhost:9093'],
    ['localhost:http', undefined],
    ['localhost:65536', undefined],
    ['localhost:-1', undefined],
    ['256.0.0.1:9093', undefined],
    ['[localhost]:9093', undefined],
    ['local host:9093', undefined],
    ['', undefined],
    [':', undefined],
    [9093, undefined],
    [undefined, undefined],
  ];
  for (const [found, suggestion] of bad) {
    it(`refuses ${JSON.stringify(found)}, suggests ${suggestion}`, () => {
      const reading = readListenAddress(found);
      assert.ok('allowed' in reading);
      assert.equal(reading.suggestion, suggestion);
    });
  }

  it('is done at once with a text of any length', () => {
    const text = ':1'.repeat(1_000_000);
    assert.ok(cpuMsOf(() => assert.ok('allowed' in readListenAddress(text))) < 2000);
  });

  it('never throws; ports are ports, and what it suggests is good', () => {
    const addressLike = fc.stringMatching(/^[[\]:.0-9a-f*/-]{0,20}$/);
    fc.assert(
      fc.property(fc.oneof(fc.string(), addressLike), (text) => {
        const reading = readListenAddress(text);
        if ('value' in reading) assert.ok(reading.value.port >= 0 && reading.value.port <= 65_535);
        else if (reading.suggestion !== undefined) assert.ok('value' in readListenAddress(reading.suggestion));
      }),
    );
  });
});

describe('readRoutePrefix', () => {
  const rows: readonly (readonly [string, string])[] = [
    ['/', ''],
    ['', ''],
    ['/tocsin', '/tocsin'],
    ['tocsin/', '/tocsin'],
    ['//a/b//', '/a/b'],
    ['/a%20b', '/a%20b'],
    ['/..a', '/..a'],
  ];
  for (const [text, value] of rows) {
    it(`reads ${JSON.stringify(text)} as ${JSON.stringify(value)}`, () =>
      assert.deepEqual(readRoutePrefix(text), { value }));
  }

  const refused: readonly (readonly [unknown, string | undefined])[] = [
    ['/a//b', '/a/b'],
    ['/a b', '/a/b'],
    ['/a/../b', undefined],
    ['/.', undefined],
    ['/a?b', undefined],
    ['/é', undefined],
    ['/%zz', undefined],
    [7, undefined],
  ];
  for (const [found, suggestion] of refused) {
    it(`refuses ${JSON.stringify(found)}`, () => {
      const reading = readRoutePrefix(found);
      assert.ok(!('value' in reading));
      assert.equal(reading.suggestion, suggestion);
    });
  }

  it('gives only what a URL leaves as it is, whatever comes', () => {
    const text = fc.oneof(
      fc.string(),
      fc.array(fc.constantFrom('/', '.', 'a', '%', '2e', ' ')).map((c) => c.join('')),
    );
    fc.assert(
      fc.property(text, (found) => {
        const reading = readRoutePrefix(found);
        if (!('value' in reading)) return;
        assert.match(reading.value, /^(?:\/[^/]+)*$/);
        assert.equal(new URL(`http://host${reading.value}/x`).pathname, `${reading.value}/x`);
      }),
    );
  });
});

describe('readExternalUrl', () => {
  it('gives the URL, whose path is the prefix', () => {
    const reading = readExternalUrl('https://example.com/a/b/');
    assert.deepEqual(reading, { value: 'https://example.com/a/b' });
    assert.equal(routePrefixOf('https://example.com/a/b'), '/a/b');
    assert.equal(routePrefixOf('https://example.com'), '');
  });

  it('refuses what is no http URL, and a path that can be no prefix', () => {
    for (const found of ['ftp://example.com', 'example.com/a', 'http://example.com/a//b']) {
      assert.ok(!('value' in readExternalUrl(found)), found);
    }
  });
});
