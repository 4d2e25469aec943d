import type { AddressInfo } from 'node:net';
import type { Logger } from '../runtime/logger.ts';

export interface Lock {
  readonly scheme: 'http' | 'https';
  /** True if nobody gets in without some proof of who it is. */
  readonly isLocked: boolean;
}

/** Says where alerts are taken in, and warns if everybody on the network may send some. */
export function tellListening(logger: Logger, lock: Lock, address: AddressInfo, routePrefix: string): void {
  const url = urlOf(lock, address, routePrefix);
  logger.info('receiver.listening', 'alerts are taken in', { address: url, auth: lock.isLocked });
  warnIfUnlocked(logger, lock, address, routePrefix);
}

/** Warns if everybody on the network may send alerts: at the start, and with every web configuration that comes into use. */
export function warnIfUnlocked(logger: Logger, lock: Lock, address: AddressInfo, routePrefix: string): void {
  if (lock.isLocked || isLoopback(address)) return;
  logger.warn(
    'receiver.unlocked',
    'everybody who reaches this address can send alerts: ask for a password, token or client certificate with --web.config.file',
    { address: urlOf(lock, address, routePrefix) },
  );
}

function urlOf({ scheme }: Lock, { family, address, port }: AddressInfo, routePrefix: string): string {
  return `${scheme}://${family === 'IPv6' ? `[${address}]` : address}:${port}${routePrefix}`;
}

/** True if only this machine reaches it. */
export function isLoopback({ address }: AddressInfo): boolean {
  return address === '::1' || address.startsWith('127.') || address.startsWith('::ffff:127.');
}
