import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import fc from 'fast-check';
import { FakeClock } from '../../../test/support/fake-clock.ts';
import { decodeUtf8 } from '../../text/go/utf8.ts';
import { slicedBodyBytes } from '../../limits.ts';
import { SliceSchedule } from '../../runtime/slice-schedule.ts';
import { Slices } from '../../runtime/slices.ts';
import { bodyText } from './body-text.ts';

const pieceBytes = 256 * 1024;

function slices(): Slices {
  return new Slices(new SliceSchedule(new FakeClock()), 'bodies');
}

/** Slices that are over each time they are asked. */
class OverSlices extends Slices {
  breaths = 0;

  override get isOver(): boolean {
    return true;
  }

  override async breathe(): Promise<void> {
    this.breaths++;
  }
}

async function characterBytes(body: string | Buffer): Promise<number> {
  return (await bodyText(Buffer.from(body as string), slices())).characterBytes;
}

describe('bodyText', () => {
  it('gives the text of a body, whole or broken, small or large', async () => {
    const bodies = ['', '[]', 'é中😀', 'é'.repeat(pieceBytes)].map((text) => Buffer.from(text));
    bodies.push(
      Buffer.from('61ff62', 'hex'),
      Buffer.concat([Buffer.alloc(3 * pieceBytes, 'a'), Buffer.from('ff', 'hex')]),
    );
    for (const body of bodies) assert.equal((await bodyText(body, slices())).text, decodeUtf8(body));
  });

  it('mends as Go does, wherever a piece ends', async () => {
    const special = fc.constantFrom(0xf0, 0x9f, 0x98, 0x80, 0xe4, 0xb8, 0xad, 0xc3, 0xa9, 0x61, 0xff, 0xed, 0xa0, 0xf4);
    const any = fc.uint8Array({ minLength: 1, maxLength: 12 }).map((bytes) => Buffer.from(bytes));
    const hostile = fc.array(special, { minLength: 1, maxLength: 12 }).map((bytes) => Buffer.from(bytes));
    const character = fc.constantFrom('é', '中', '😀').map((text) => Buffer.from(text));
    const middle = fc.oneof(any, hostile, character);
    await fc.assert(
      fc.asyncProperty(middle, middle, fc.nat(14), async (first, second, before) => {
        const body = Buffer.alloc(2 * pieceBytes + 40, 'a');
        first.copy(body, pieceBytes - before);
        second.copy(body, 2 * pieceBytes - before);
        // So that the body is always mended.
        body[body.length - 1] = 0xff;
        const { text } = await bodyText(body, slices());
        assert.ok(text === decodeUtf8(body), `${first.toString('hex')} ${second.toString('hex')} ${before}`);
      }),
      { numRuns: 150 },
    );
  });

  it('mends bytes of any kind from end to end', async () => {
    await fc.assert(
      fc.asyncProperty(fc.uint8Array({ minLength: 1, maxLength: 50 }), async (bytes) => {
        const body = Buffer.alloc(pieceBytes + 1000, Buffer.from(bytes));
        const { text } = await bodyText(body, slices());
        assert.ok(text === decodeUtf8(body));
      }),
      { numRuns: 20 },
    );
  });

  it('takes a breath after each piece of a large body, if the slice is over', async () => {
    const broken = Buffer.alloc(3 * pieceBytes, 'a');
    broken[0] = 0xff;
    const over = new OverSlices(new SliceSchedule(new FakeClock()), 'bodies');
    await bodyText(broken, over);
    assert.equal(over.breaths, 3);
  });

  it('takes no breath for a body of one piece', async () => {
    const over = new OverSlices(new SliceSchedule(new FakeClock()), 'bodies');
    await bodyText(Buffer.alloc(pieceBytes, 'a'), over);
    await bodyText(Buffer.from('ff', 'hex'), over);
    assert.equal(over.breaths, 0);
  });

  it('tells a body whose texts have one byte a character', async () => {
    for (const body of ['', '[{"labels":{"a":"b"}}]', '"\\u00e9\\n"', '"\\n"', 'u0100']) {
      assert.equal(await characterBytes(body), 1, body);
    }
  });

  it('counts two bytes a character once anything is wider, or could be', async () => {
    const bodies = ['"é"', '"中"', '"\\u0100"', '"\\u00e9\\u4e2d"', '"\\ud83d\\ude00"', Buffer.from('ff', 'hex')];
    for (const body of bodies) assert.equal(await characterBytes(body), 2, String(body));
  });

  it('takes every escape of a large body for a wide one', async () => {
    const padding = 'a'.repeat(slicedBodyBytes);
    assert.equal(await characterBytes(`"\\u00e9${padding}"`), 2);
    assert.equal(await characterBytes(`"\\n${padding}"`), 1);
  });
});
