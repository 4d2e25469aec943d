import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { parseFlags, type Flags } from '../config/flags/flags.ts';
import { startFailure } from './serve.ts';

function flagsFor(listenAddress: string): Flags {
  const commandLine = parseFlags([`--web.listen-address=${listenAddress}`], { terminal: false, keys: () => [] });
  assert.ok(commandLine.command === 'serve');
  return commandLine.flags;
}

function listenError(code: string, syscall = 'listen'): Error {
  return Object.assign(new Error(`${syscall} ${code}`), { code, syscall });
}

const noSuchAddress =
  'cannot listen on tocsin.test:9093: this machine has no such address; correct --web.listen-address (":9093" is every interface)';

const failures: readonly (readonly [error: Error, line: string])[] = [
  [
    listenError('EADDRINUSE'),
    'cannot listen on tocsin.test:9093: the port is in use; end the other program, or choose another with --web.listen-address',
  ],
  [
    listenError('EACCES'),
    'cannot listen on tocsin.test:9093: permission denied; choose another with --web.listen-address',
  ],
  [listenError('EADDRNOTAVAIL'), noSuchAddress],
  ...['ENOTFOUND', 'EAI_AGAIN'].map(
    (code) =>
      [
        listenError(code, 'getaddrinfo'),
        `cannot listen on tocsin.test:9093: the name does not resolve (${code}); correct --web.listen-address (":9093" is every interface)`,
      ] as const,
  ),
  [listenError('EMFILE'), 'cannot listen on tocsin.test:9093: listen EMFILE; correct --web.listen-address'],
];

describe('startFailure', () => {
  for (const [error, line] of failures) {
    it(`says what to do after ${error.message}`, () => {
      assert.equal(startFailure(error, flagsFor('tocsin.test:9093')), line);
    });
  }

  it('names no host if it was every interface', () => {
    assert.match(
      startFailure(listenError('EACCES'), flagsFor(':80')),
      /denied; ports below 1024 need a privilege, choose/,
    );
    assert.match(startFailure(listenError('EADDRINUSE'), flagsFor(':9093')), /^cannot listen on :9093: the port/);
  });

  it('leaves every other error to explain itself', () => {
    const error = Object.assign(new Error('tocsin.yml: no such file'), { code: 'EACCES', syscall: 'open' });
    assert.equal(startFailure(error, flagsFor(':9093')), 'tocsin.yml: no such file');
    assert.equal(startFailure(new Error('plain'), flagsFor(':9093')), 'plain');
    assert.equal(startFailure('thrown', flagsFor(':9093')), 'thrown');
  });
});
