import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import fc from 'fast-check';
import { DebugField } from '../runtime/logger.ts';
import { factLine, maxFactBytes, parseFact, type Entry } from './fact.ts';

const at = Date.parse('2026-11-30T09:00:00.125Z');

function entry(fields: Entry['fields'] = {}): Entry {
  return { time: at, level: 'info', event: 'alert.new', msg: 'an alert fires', fields };
}

describe('a fact', () => {
  it('is the line of the log with an id, on one line', () => {
    const line = factLine(7, entry({ request_id: 'r1', labels: { alertname: 'A', note: 'two\nlines' } }));
    assert.equal(
      line,
      '{"id":7,"time":"2026-11-30T09:00:00.125Z","level":"info","event":"alert.new","msg":"an alert fires",' +
        '"request_id":"r1","labels":{"alertname":"A","note":"two\\nlines"}}',
    );
  });

  it('has the fields that the log has only at debug, and the message of an error without secrets', () => {
    const error = new Error('GET http://user:secret@prometheus:9090/ failed');
    const fact = parseFact(factLine(1, entry({ detail: new DebugField(() => [1, 2]), error, absent: undefined })));
    assert.deepEqual(fact?.['detail'], [1, 2]);
    assert.doesNotMatch(String(fact['error']), /secret/);
    assert.ok(!('absent' in fact));
  });

  it('keeps only its short fields if it is too long, and says which it left out', () => {
    const line = factLine(1, entry({ request_id: 'r1', alerts: ['é'.repeat(maxFactBytes)] }));
    assert.ok(Buffer.byteLength(line) < 1024);
    assert.deepEqual(parseFact(line)?.['left_out'], ['alerts']);
  });

  it('is read back unchanged, whatever it contains', () => {
    fc.assert(
      fc.property(fc.nat(), fc.dictionary(fc.string(), fc.string({ unit: 'binary' })), (id, labels) => {
        const line = factLine(id, entry({ labels }));
        assert.doesNotMatch(line, /[\n\r\u2028\u0085\u202e]/);
        const fact = parseFact(line);
        assert.equal(fact?.id, id);
        assert.deepEqual(fact['labels'], JSON.parse(JSON.stringify(labels)));
      }),
    );
  });

  it('is undefined if it is cut off or damaged, and never an error', () => {
    const line = factLine(7, entry({ request_id: 'r1' }));
    fc.assert(
      fc.property(fc.nat(line.length - 1), (length) => {
        assert.equal(parseFact(line.slice(0, length)), undefined);
      }),
    );
    fc.assert(
      fc.property(fc.oneof(fc.string({ unit: 'binary' }), fc.json()), (text) => {
        assert.equal(parseFact(text), undefined);
      }),
    );
    for (const wrong of [{ id: -1 }, { id: 1.5 }, { id: '7' }, { time: 'now' }, { level: 'loud' }, { event: 1 }])
      assert.equal(parseFact(JSON.stringify({ ...(JSON.parse(line) as object), ...wrong })), undefined);
  });
});
