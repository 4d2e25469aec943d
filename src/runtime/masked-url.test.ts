import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import fc from 'fast-check';
import { maskUrl, maskUrls } from './masked-url.ts';
import { cpuMsOf } from './slices.fixture.ts';

describe('maskUrl', () => {
  for (const [url, shown] of [
    ['https://user:password@host:6443/path', 'https://***@host:6443/path'],
    ['http://prometheus:6000/?token=abc', 'http://prometheus:6000/?token=***'],
    ['http://h/p?a=1&token=x#state=s', 'http://h/p?a=***&token=***'],
    ['http://h/?abc', 'http://h/?***'],
    ['http://h/?token=a@b', 'http://***'],
    ['http://user:p?x=y@host', 'http://***'],
    ['user:password@host', '***@host'],
    ['prometheus:9090?token=abc', 'prometheus:9090?token=***'],
    ['http://prometheus:9090/#/graph', 'http://prometheus:9090/#/graph'],
    ['https?://.*', 'https?://.*'],
    ['500ms', '500ms'],
  ] as const)
    it(`shows ${url} as ${shown}`, () => assert.equal(maskUrl(url), shown));

  it('shows no password and no value of a query, whatever they consist of', () => {
    const part = fc.stringMatching(/^[a-z0-9/:?#@.-]{0,8}$/);
    fc.assert(
      fc.property(part, part, fc.constantFrom('http://', 'https://', ''), (before, after, scheme) => {
        assert.doesNotMatch(maskUrl(`${scheme}ann:${before}Passw0rd${after}@host/path`), /Passw0rd/);
        assert.doesNotMatch(maskUrl(`${scheme}host/path?token=${before}Passw0rd${after}`), /Passw0rd/);
      }),
    );
  });
});

describe('maskUrls', () => {
  it('masks every URL of a message, and leaves the rest', () => {
    const message = 'no answer from https://ann:pw@host:6443 by "http://proxy?k=v": refused (a@b, why? x=y)';
    const shown = 'no answer from https://***@host:6443 by "http://proxy?k=***": refused (a@b, why? x=y)';
    assert.equal(maskUrls(message), shown);
  });

  it('takes no time for long texts', () => {
    const texts = ['a'.repeat(200_000), 'a://'.repeat(50_000), `a://${'?'.repeat(50_000)}`];
    const tookMs = cpuMsOf(() => texts.forEach((text) => maskUrls(`${text} ://`)));
    assert.ok(tookMs < 2000, `${tookMs} ms`);
  });
});
