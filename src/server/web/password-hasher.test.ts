import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import bcrypt from 'bcryptjs';
import { PasswordThread } from './password-hasher.ts';

describe('PasswordThread', () => {
  it('distinguishes a good password from a wrong one, also with the hashes of htpasswd', async (test) => {
    const thread = new PasswordThread();
    test.after(() => thread.close());
    const hash = await bcrypt.hash('gööd', 4);
    const tries = [
      thread.matches('gööd', hash),
      thread.matches('good', hash),
      thread.matches('gööd', hash.replace('$2b$', '$2y$')),
    ];
    assert.deepEqual(await Promise.all(tries), [true, false, true]);
  });

  it('rejects for everyone who waits when it is closed', async () => {
    const thread = new PasswordThread();
    const waiting = assert.rejects(thread.matches('x', await bcrypt.hash('x', 4)), /has ended/);
    await thread.close();
    await waiting;
  });
});
