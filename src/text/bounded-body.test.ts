import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import fc from 'fast-check';
import { readBoundedBody, excerpt } from './bounded-body.ts';

function bodyOf(chunks: readonly Uint8Array[], onCancel?: () => void): ReadableStream<Uint8Array> {
  const left = [...chunks];
  return new ReadableStream({
    pull(controller) {
      const chunk = left.shift();
      if (chunk === undefined) controller.close();
      else controller.enqueue(chunk);
    },
    ...(onCancel === undefined ? {} : { cancel: onCancel }),
  });
}

describe('readBoundedBody', () => {
  it('treats a missing body as an empty one', async () => {
    assert.deepEqual(await readBoundedBody(null, 10), { text: '', cut: false });
  });

  it('reads a body of exactly the limit whole', async () => {
    const body = bodyOf([Buffer.from('12345'), Buffer.from('67890')]);
    assert.deepEqual(await readBoundedBody(body, 10), { text: '1234567890', cut: false });
  });

  it('stops one byte over the limit, keeps the beginning and cancels the stream', async () => {
    let cancelled = false;
    const body = bodyOf([Buffer.from('12345'), Buffer.from('678901'), Buffer.from('never')], () => (cancelled = true));
    assert.deepEqual(await readBoundedBody(body, 10), { text: '1234567890', cut: true });
    assert.ok(cancelled);
  });

  it('rejects with the error of the stream', async () => {
    const broken = new ReadableStream<Uint8Array>({ pull: (controller) => controller.error(new Error('cut off')) });
    await assert.rejects(readBoundedBody(broken, 10), { message: 'cut off' });
  });

  it('replaces a character that is cut off at the end', async () => {
    const body = bodyOf([Buffer.from('aé').subarray(0, 2)]);
    assert.deepEqual(await readBoundedBody(body, 10), { text: 'a\ufffd', cut: false });
  });

  it('gives the same text wherever the bytes are split', async () => {
    const splits = fc.array(fc.nat(40), { maxLength: 6 });
    await fc.assert(
      fc.asyncProperty(fc.string({ unit: 'grapheme', maxLength: 40 }), splits, async (text, at) => {
        const bytes = Buffer.from(text);
        const edges = [0, ...at.toSorted((a, b) => a - b), bytes.length];
        const chunks = edges.slice(1).map((edge, index) => bytes.subarray(edges[index], edge));
        const whole = new TextDecoder().decode(bytes);
        assert.deepEqual(await readBoundedBody(bodyOf(chunks), bytes.length), { text: whole, cut: false });
      }),
    );
  });
});

describe('excerpt', () => {
  it('leaves an ordinary text alone', () => {
    assert.equal(excerpt('invalid parameter "type"'), 'invalid parameter "type"');
  });

  it('puts a text on one line and removes what would steer a terminal', () => {
    assert.equal(excerpt('\n<html>\r\n\t<b>\u001b[31mno\u0007\u202e!'), '<html> <b> [31mno !');
  });

  it('cuts after 200 characters, not in the middle of one', () => {
    assert.equal(excerpt('a'.repeat(200)), 'a'.repeat(200));
    assert.equal(excerpt('🔔'.repeat(201)), `${'🔔'.repeat(199)}…`);
    assert.equal(excerpt(`${' '.repeat(5000)}late`), '…');
  });

  it('is short, on one line and well-formed whatever the text', () => {
    fc.assert(
      fc.property(fc.string({ unit: 'binary', maxLength: 3000 }), fc.nat(3), (text, repeats) => {
        const short = excerpt(`${text}\ud800`.repeat(repeats));
        assert.ok(Array.from(short).length <= 200 && short.isWellFormed());
        assert.doesNotMatch(short, /[\p{Cc}\p{Cf}\n\u2028]/u);
      }),
    );
  });
});
