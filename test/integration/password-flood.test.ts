import assert from 'node:assert/strict';
import { after, before, describe, it } from 'node:test';
import bcrypt from 'bcryptjs';
import { stringify } from 'yaml';
import { cpuSeconds } from '../../bench/process-usage.ts';
import { floodPasswords, tryPassword } from '../support/password-flood.ts';
import { startTocsin, type TocsinProcess } from '../support/tocsin-process.ts';

const password = 'the right one';
const patienceMs = 2000;
/** How long each flood lasts before the correct password comes. */
const leadMs = 3000;
/** Tries during one flood: the machine may be busy for a while. */
const usersOf = (name: string): readonly string[] => [name, `${name}-again`, `${name}-at-last`];

/** A real flood of wrong passwords: while it lasts, each sender tries again as soon as it is answered. */
describe('a flood of wrong passwords', () => {
  let tocsin: TocsinProcess;
  before(async () => {
    const hash = await bcrypt.hash(password, 10);
    // A separate user for each try: a correct password is known from then on.
    const names = ['one', 'twenty', 'both', 'fresh'].flatMap((name) => usersOf(name));
    const users = Object.fromEntries(names.map((name) => [name, hash]));
    tocsin = await startTocsin({ webConfig: stringify({ basic_auth_users: users }) });
  });
  after(() => tocsin?.stop());

  const here = Array.from({ length: 8 }, () => '127.0.0.1');
  const elsewhere = Array.from({ length: 20 }, (_, n) => `127.0.1.${n + 1}`);
  for (const [what, user, addresses, keepAlive] of [
    ['eight connections of its own address', 'one', here, true],
    ['twenty other addresses', 'twenty', elsewhere, true],
    ['both', 'both', [...here, ...elsewhere], true],
    ['both, over a new connection each time', 'fresh', [...here, ...elsewhere], false],
  ] as const) {
    it(`of ${what}, with the same user's name, does not keep a right one out`, async () => {
      const url = `${tocsin.url}/metrics`;
      const end = floodPasswords({ url, user, addresses, keepAlive });
      await new Promise((resolve) => setTimeout(resolve, leadMs));
      const took: number[] = [];
      for (const name of usersOf(user)) {
        // In CPU time of Tocsin if that is shorter: others may have the machine.
        const [startedAt, usedBefore] = [performance.now(), cpuSeconds(tocsin.child.pid)];
        assert.equal(await tryPassword(url, name, password, '127.0.0.1'), 200);
        const usedMs = (cpuSeconds(tocsin.child.pid) - usedBefore) * 1000;
        took.push(Math.round(Math.min(usedMs, performance.now() - startedAt)));
        if (took.at(-1)! <= patienceMs) break;
      }
      const answers = await end();
      for (const answer of answers) assert.match(String(answer), /^(401|429)$/);
      assert.ok(Math.min(...took) <= patienceMs, `${took.join()} ms`);
    });
  }
});
