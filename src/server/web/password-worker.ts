import { parentPort } from 'node:worker_threads';
import bcrypt from 'bcryptjs';
import type { Answer, Task } from './password-hasher.ts';

/** The thread of {@link PasswordThread}. */
parentPort?.on('message', ({ id, password, hash }: Task) => {
  const answer: Answer = { id, matches: bcrypt.compareSync(password, hash) };
  // oxlint-disable-next-line unicorn/require-post-message-target-origin -- that is for windows
  parentPort?.postMessage(answer);
});
