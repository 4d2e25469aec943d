import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import fc from 'fast-check';
import { readBoundedBody } from './bounded-body.ts';

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
  it('takes a missing body as an empty one', async () => {
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

  it('rejects with what the stream fails with', async () => {
    const broken = new ReadableStream<Uint8Array>({ pull: (controller) => controller.error(new Error('cut off')) });
    await assert.rejects(readBoundedBody(broken, 10), { message: 'cut off' });
  });

  it('replaces a character whose end is missing', async () => {
    const body = bodyOf([Buffer.from('aé').subarray(0, 2)]);
    assert.deepEqual(await readBoundedBody(body, 10), { text: 'a\ufffd', cut: false });
  });

  it('gives the same text however the bytes are split', async () => {
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
