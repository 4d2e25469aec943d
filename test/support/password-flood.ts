import { Agent, request } from 'node:http';

export interface PasswordFlood {
  /** Where a password is asked for. */
  readonly url: string;
  /** Whose passwords are tried. */
  readonly user: string;
  /** One sender for each; the same address may be there more than once. */
  readonly addresses: readonly string[];
  /** Over one connection, or over a new one for each try. */
  readonly keepAlive: boolean;
}

/** Gives the status of the answer. */
export function tryPassword(
  url: string,
  user: string,
  password: string,
  localAddress: string,
  agent = new Agent(),
): Promise<number> {
  return new Promise((resolve, reject) => {
    const authorization = `Basic ${Buffer.from(`${user}:${password}`).toString('base64')}`;
    request(url, { agent, localAddress, headers: { authorization } }, (response) => {
      response.resume();
      response.once('end', () => resolve(response.statusCode ?? 0));
    })
      .once('error', reject)
      .end();
  });
}

/** Has each sender try wrong passwords, the next one as soon as it is answered. Gives what ends it, and resolves to all answers. */
export function floodPasswords({ url, user, addresses, keepAlive }: PasswordFlood): () => Promise<ReadonlySet<number>> {
  const answers = new Set<number>();
  const end = new AbortController();
  let tries = 0;
  const attack = async (address: string): Promise<void> => {
    const agent = new Agent({ keepAlive, maxSockets: 1 });
    while (!end.signal.aborted) answers.add(await tryPassword(url, user, `wrong ${tries++}`, address, agent));
    agent.destroy();
  };
  const all = Promise.all(addresses.map(attack));
  return async () => {
    end.abort();
    await all;
    return answers;
  };
}
