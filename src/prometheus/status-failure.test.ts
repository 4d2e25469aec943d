import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { prometheusEndpoint } from './prometheus-endpoint.ts';
import { statusFailure } from './status-failure.ts';

const endpoint = prometheusEndpoint('http://h/prom');

function redirect(location: string | undefined, status = 302): Response {
  return new Response(null, { status, headers: location === undefined ? {} : { location } });
}

describe('statusFailure', () => {
  const locations = [
    ['another host', 'https://other:9090/api/v1/alerts', 'to https://other:9090/api/v1/alerts (302)'],
    ['credentials and a query', 'https://ann:s3cret@other/login?token=x#y', 'to https://other/login (302)'],
    ['a path', '/login', 'to http://h/login (302)'],
    ['no URL', 'http://[', 'to an address that is no URL (302)'],
    ['nothing', undefined, 'without saying where to (302)'],
  ] as const;
  for (const [what, location, expected] of locations) {
    it(`names where a redirect goes that gives ${what}`, async () => {
      const failure = await statusFailure(redirect(location), endpoint);
      assert.equal(failure.kind, 'redirect');
      assert.ok(failure.message.includes(`Prometheus at http://h/prom redirects ${expected}`), failure.message);
      assert.doesNotMatch(failure.message, /s3cret|token/);
    });
  }

  it('tells missing credentials from wrong ones', async () => {
    const bare = await statusFailure(new Response('Unauthorized', { status: 401 }), endpoint);
    assert.match(bare.message, /answered 401 "Unauthorized": it wants credentials: set basic_auth/);
    const wrong = await statusFailure(new Response('', { status: 401 }), prometheusEndpoint('http://ann:s3cret@h'));
    assert.match(wrong.message, /answered 401 without a reason: it does not accept the credentials/);
    assert.deepEqual([bare.kind, wrong.kind], ['unauthorized', 'unauthorized']);
  });

  it('quotes a refusal, and blames no credentials for it', async () => {
    const refusal = (): Response => new Response('RBAC: access denied for s3cret', { status: 403 });
    const bare = await statusFailure(refusal(), endpoint);
    assert.match(
      bare.message,
      /answered 403 "RBAC: access denied for s3cret": it refuses who asks without credentials: allow it/,
    );
    const known = await statusFailure(refusal(), prometheusEndpoint('http://ann:s3cret@h'));
    assert.match(
      known.message,
      /answered 403 "RBAC: access denied for <secret>": it refuses who asks with the credentials/,
    );
    assert.deepEqual([bare.kind, known.kind], ['unauthorized', 'unauthorized']);
  });

  it('takes 404 as a wrong path', async () => {
    const failure = await statusFailure(new Response('404 page not found', { status: 404 }), endpoint);
    assert.equal(failure.kind, 'not_found');
    assert.match(failure.message, /it answered 404 "404 page not found": is a path prefix/);
  });

  const texts = [
    [
      'the error of the envelope',
      400,
      '{"status":"error","errorType":"bad_data","error":"no\\u001b such"}',
      '400 "no such"',
    ],
    ['plain text', 503, 'Service Unavailable\n', '503 "Service Unavailable"'],
    ['JSON that is no envelope', 502, '{"error":7}', '502 "{"error":7}"'],
    ['null', 500, 'null', '500 "null"'],
    ['nothing', 500, '', '500 without a reason'],
    ['a long page', 502, `<html>${'x'.repeat(70_000)}`, `502 "<html>${'x'.repeat(193)}…"`],
  ] as const;
  for (const [what, status, body, expected] of texts) {
    it(`quotes ${what}`, async () => {
      const failure = await statusFailure(new Response(body, { status }), endpoint);
      assert.equal(failure.kind, 'http_error');
      assert.ok(failure.message.startsWith(`Prometheus at http://h/prom answered ${expected}: `), failure.message);
    });
  }

  it('keeps the status when the body cannot be read', async () => {
    const body = new ReadableStream({ pull: (controller) => controller.error(new Error('cut off')) });
    const failure = await statusFailure(new Response(body, { status: 503 }), endpoint);
    assert.match(failure.message, /answered 503 without a reason/);
  });

  it('takes an unexpected success as an error too', async () => {
    assert.equal((await statusFailure(new Response(null, { status: 204 }), endpoint)).kind, 'http_error');
  });
});
