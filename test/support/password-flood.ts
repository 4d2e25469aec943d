import { Agent, request } from 'node:http';

export interface PasswordFlood {
  /** The URL that requires a password. */
  readonly url: string;
  /** The user whose passwords are tried. */
  readonly user: string;
  /** One sender per entry; the same address may occur more than once. */
  readonly addresses: readonly string[];
  /** Whether to use one connection, or a new one for each try. */
  readonly keepAlive: boolean;
}

/** Returns the status of the answer. */
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

/** Makes each sender try wrong passwords, the next one after each answer. Returns what ends it and resolves to all answers. */
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
