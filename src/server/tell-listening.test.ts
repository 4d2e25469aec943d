import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { RecordingLogger } from '../../test/support/recording-logger.ts';
import { tellListening } from './tell-listening.ts';

describe('tellListening', () => {
  const rows: readonly (readonly [string, boolean, boolean])[] = [
    ['127.0.0.1', false, false],
    ['127.8.8.8', false, false],
    ['::1', false, false],
    ['0.0.0.0', false, true],
    ['::', false, true],
    ['10.0.0.1', false, true],
    ['0.0.0.0', true, false],
  ];
  for (const [address, isLocked, warns] of rows) {
    it(`${warns ? 'warns' : 'does not warn'} at ${address} ${isLocked ? 'with' : 'without'} a lock`, () => {
      const logger = new RecordingLogger();
      const family = address.includes(':') ? 'IPv6' : 'IPv4';
      tellListening(logger, { scheme: 'http', isLocked }, { address, family, port: 9093 }, '/am');
      assert.equal(logger.valuesOf('receiver.unlocked', 'address').length, warns ? 1 : 0);
      const url = `http://${family === 'IPv6' ? `[${address}]` : address}:9093/am`;
      assert.deepEqual(logger.valuesOf('receiver.listening', 'address', 'auth'), [[url, isLocked]]);
    });
  }
});
