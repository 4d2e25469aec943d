import { setTimeout } from 'node:timers/promises';
import bcrypt from 'bcryptjs';
import { stringify } from 'yaml';
import { floodPasswords, tryPassword } from '../../test/support/password-flood.ts';
import { startTocsin } from '../../test/support/tocsin-process.ts';
import { Tally, type Fault, type FaultOptions, type FaultResult } from '../fault.ts';
import { podHeap } from '../victim.ts';

const password = 'the right one';
/** The promise to a known user with a correct password, in milliseconds. */
const promisedMs = 2000;
/** How long a flood lasts before the correct password comes, in milliseconds. */
const leadMs = 2000;

/** Eight connections of the good sender's own address and twenty other addresses, all of which try its user name. */
const addresses = Array.from({ length: 28 }, (_, n) => (n < 8 ? '127.0.0.1' : `127.0.1.${n}`));

/** Many senders try wrong passwords, and a sender with the correct one comes in between. */
export const passwordFlood: Fault = {
  name: 'flood of wrong passwords',
  // The broken guard lets few wait, and refuses the newest.
  guard: {
    file: 'server/web/password-turns.ts',
    from: '<= maxPasswordChecks) return undefined;\n    const refused = this.#last(now);',
    to: '<= 4) return undefined;\n    const refused = waiter;',
  },
  async run({ quick, main }: FaultOptions): Promise<FaultResult> {
    const tally = new Tally();
    const times = quick ? 3 : 10;
    // A separate user each time: a correct password is known from then on.
    const users = Array.from({ length: times }, (_, n) => `user${n}`);
    const hash = await bcrypt.hash(password, 10);
    const tocsin = await startTocsin({
      environment: { NODE_OPTIONS: podHeap },
      webConfig: stringify({ basic_auth_users: Object.fromEntries(users.map((user) => [user, hash])) }),
      ...(main !== undefined && { main }),
    });
    try {
      for (const user of users) await tally.try(user, () => getsIn(`${tocsin.url}/metrics`, user));
    } finally {
      await tocsin.stop();
    }
    return tally.result;
  },
};

async function getsIn(url: string, user: string): Promise<number> {
  const end = floodPasswords({ url, user, addresses, keepAlive: true });
  await setTimeout(leadMs);
  const startedAt = performance.now();
  const status = await tryPassword(url, user, password, '127.0.0.1');
  const took = performance.now() - startedAt;
  if ((await end()).has(200)) throw new Error('a wrong password was let in');
  if (status !== 200) throw new Error(`the right password was answered ${status}`);
  if (took > promisedMs) throw new Error(`the right password took ${took.toFixed()} ms`);
  return took;
}
