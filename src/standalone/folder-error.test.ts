import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { FolderError, errorCode } from './folder-error.ts';

function systemError(code: string): Error {
  return Object.assign(new Error(`${code}: something, open '/x'`), { code });
}

describe('folder error', () => {
  const rows: readonly (readonly [string, RegExp])[] = [
    ['ENOENT', /: it does not exist \(ENOENT\); create it, or name another folder with --storage\.path$/],
    ['EACCES', /: permission denied \(EACCES\); give the user that Tocsin runs as the right to it, or /],
    ['EROFS', /: the file system is read-only \(EROFS\); mount it writable, or /],
    ['ENOSPC', /: no space is left on the device \(ENOSPC\); free some space, or /],
    ['EMFILE', /: too many open files \(EMFILE\); raise the limit/],
    ['EEXIST', /: a file stands where a folder is needed \(EEXIST\); move the file away, or /],
  ];
  for (const [code, message] of rows) {
    it(`says for ${code} on which path, why and what to do, in one line`, () => {
      const cause = systemError(code);
      const error = new FolderError('write the status file', '/data/a.yaml', cause, '--storage.path');
      assert.match(error.message, message);
      assert.ok(error.message.startsWith('cannot write the status file /data/a.yaml: '));
      assert.ok(!error.message.includes('\n'));
      assert.deepEqual([error.path, error.code, error.cause], ['/data/a.yaml', code, cause]);
    });
  }

  it('falls back on the words of an error that it does not know', () => {
    for (const cause of [systemError('EWEIRD'), new Error('odd'), 'odd']) {
      const { message, code } = new FolderError('read', '/p', cause, '--pipelines.folder');
      assert.match(
        message,
        /^cannot read \/p: .*(something|odd).*; look at the path, or name another folder with --pipelines\.folder$/,
      );
      assert.equal(code, errorCode(cause));
    }
  });
});
