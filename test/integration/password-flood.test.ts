import assert from 'node:assert/strict';
import { Agent, request } from 'node:http';
import { after, before, describe, it } from 'node:test';
import bcrypt from 'bcryptjs';
import { stringify } from 'yaml';
import { startTocsin, type TocsinProcess } from '../support/tocsin-process.ts';

const password = 'the right one';
const patienceMs = 2000;
/** How long each flood goes on before the right password comes. */
const leadMs = 3000;

/** A real flood of wrong passwords: as long as it goes on, each sender tries again as soon as it is answered. */
describe('a flood of wrong passwords', () => {
  let tocsin: TocsinProcess;
  let tries = 0;
  before(async () => {
    const hash = await bcrypt.hash(password, 10);
    // A user for each flood: what is right is known from then on.
    const users = Object.fromEntries(['one', 'twenty', 'both', 'fresh'].map((name) => [name, hash]));
    tocsin = await startTocsin({ webConfig: stringify({ basic_auth_users: users }) });
  });
  after(() => tocsin?.stop());

  function get(user: string, secret: string, localAddress: string, agent: Agent): Promise<number> {
    return new Promise((resolve, reject) => {
      const authorization = `Basic ${Buffer.from(`${user}:${secret}`).toString('base64')}`;
      request(`${tocsin.url}/metrics`, { agent, localAddress, headers: { authorization } }, (response) => {
        response.resume();
        response.once('end', () => resolve(response.statusCode ?? 0));
      })
        .once('error', reject)
        .end();
    });
  }

  /** Tries wrong passwords from an address until it is told to stop, over one connection or over a new one each time. */
  async function attack(user: string, address: string, keepAlive: boolean, isOver: () => boolean): Promise<void> {
    const agent = new Agent({ keepAlive, maxSockets: 1 });
    while (!isOver()) assert.match(String(await get(user, `wrong ${tries++}`, address, agent)), /^(401|429)$/);
    agent.destroy();
  }

  const here = Array.from({ length: 8 }, () => '127.0.0.1');
  const elsewhere = Array.from({ length: 20 }, (_, n) => `127.0.1.${n + 1}`);
  for (const [what, user, addresses, keepAlive] of [
    ['eight connections of its own address', 'one', here, true],
    ['twenty other addresses', 'twenty', elsewhere, true],
    ['both', 'both', [...here, ...elsewhere], true],
    ['both, over a new connection each time', 'fresh', [...here, ...elsewhere], false],
  ] as const) {
    it(`of ${what}, with the same user's name, does not keep a right one out`, async () => {
      let isOver = false;
      const flood = addresses.map((address) => attack(user, address, keepAlive, () => isOver));
      await new Promise((resolve) => setTimeout(resolve, leadMs));
      const startedAt = performance.now();
      const agent = new Agent();
      const status = await get(user, password, '127.0.0.1', agent);
      const took = performance.now() - startedAt;
      isOver = true;
      agent.destroy();
      await Promise.all(flood);
      assert.equal(status, 200);
      assert.ok(took <= patienceMs, `${Math.round(took)} ms`);
    });
  }
});
