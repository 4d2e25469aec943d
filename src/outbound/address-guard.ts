import { lookup as systemLookup, type LookupAddress } from 'node:dns';
import { BlockList, isIP, isIPv6, type LookupFunction } from 'node:net';
import { OutboundError } from './fetch-failure.ts';

/**
 * Refuses servers at addresses of this machine and of private networks. It judges the address to which a connection is made, and
 * not the name: whoever owns a name chooses its addresses, at each look-up anew.
 */
export interface AddressGuard {
  /** Throws an OutboundError for a URL whose host is such an address: nobody looks it up. */
  check(url: string): void;
  /** The same for a name, if it can be looked up here: for a server that a proxy looks up. Rejects with an OutboundError. */
  checkName(url: string): Promise<void>;
  /** Looks a name up, and leaves out such addresses. @param lookup default: that of the system */
  around(lookup?: LookupFunction): LookupFunction;
}

/** IPv4 addresses in IPv6 notation are judged as what they are. */
const privateNetworks: readonly (readonly [network: string, prefix: number])[] = [
  ['0.0.0.0', 8],
  ['10.0.0.0', 8],
  ['100.64.0.0', 10],
  ['127.0.0.0', 8],
  ['169.254.0.0', 16],
  ['172.16.0.0', 12],
  ['192.168.0.0', 16],
  ['224.0.0.0', 3],
  ['::', 128],
  ['::1', 128],
  // Networks that lead to an IPv4 address, of whichever network.
  ['64:ff9b::', 96],
  ['64:ff9b:1::', 48],
  ['2002::', 16],
  ['fc00::', 7],
  ['fe80::', 10],
  ['fec0::', 10],
  ['ff00::', 8],
];

function createBlockList(): BlockList {
  const list = new BlockList();
  for (const [network, prefix] of privateNetworks) list.addSubnet(network, prefix, isIPv6(network) ? 'ipv6' : 'ipv4');
  return list;
}

export function denyPrivate(): AddressGuard {
  const list = createBlockList();
  const isDenied = (address: string): boolean => list.check(plain(address), isIPv6(plain(address)) ? 'ipv6' : 'ipv4');
  return {
    check(url) {
      const host = new URL(url).hostname.replace(/^\[|\]$/g, '');
      if (isIP(host) !== 0 && isDenied(host)) throw new OutboundError('network', refusal(host, host));
    },
    checkName: (url) =>
      new Promise((resolve, reject) => {
        const { hostname } = new URL(url);
        allowedLookup(systemLookup, isDenied)(hostname, { all: true }, (error) => {
          if (error instanceof OutboundError) reject(error);
          else resolve();
        });
      }),
    around: (lookup = systemLookup) => allowedLookup(lookup, isDenied),
  };
}

function allowedLookup(lookup: LookupFunction, isDenied: (address: string) => boolean): LookupFunction {
  return (host, options, found) => {
    lookup(host, { ...options, all: true }, (error, addresses) => {
      if (error !== null) return found(error, []);
      const all = addresses as readonly LookupAddress[];
      const allowed = all.filter(({ address }) => !isDenied(address));
      const [first] = allowed;
      if (first === undefined)
        found(new OutboundError('network', refusal(host, all.map(({ address }) => address).join(', '))), []);
      else if (options.all === true) found(null, allowed);
      else found(null, first.address, first.family);
    });
  };
}

/** Without a zone, `fe80::1%eth0`. */
function plain(address: string): string {
  return address.split('%')[0] ?? '';
}

function refusal(host: string, addresses: string): string {
  return `${host} is at a private address (${addresses}), which tenants.deny_private forbids to the servers that tenants name`;
}

/** The guard for a URL; undefined for one that the admin has named. */
export type GuardFor = (url: string) => AddressGuard | undefined;
