import dns from 'node:dns/promises';
import { syncBuiltinESMExports } from 'node:module';

/** Loaded before the program (`node --import`): the name `prometheus.test` has two addresses, like that of a headless Service. */
const system = dns.lookup;

function lookup(host: string, options: never): Promise<unknown> {
  if (host !== 'prometheus.test') return system(host, options);
  return Promise.resolve(['127.0.0.1', '127.0.0.2'].map((address) => ({ address, family: 4 })));
}

dns.lookup = lookup as typeof dns.lookup;
syncBuiltinESMExports();
