import type { AddressInfo } from 'node:net';
import type { Logger } from '../../logger.ts';

export interface Lock {
  readonly scheme: 'http' | 'https';
  /** True if nobody gets in without some proof of who it is. */
  readonly isLocked: boolean;
}

/** Says where alerts are taken in, and warns if everybody on the network may send some. */
export function tellListening(
  logger: Logger,
  { scheme, isLocked }: Lock,
  address: AddressInfo,
  routePrefix = '',
): void {
  const host = address.family === 'IPv6' ? `[${address.address}]` : address.address;
  const url = `${scheme}://${host}:${address.port}${routePrefix}`;
  logger.info('receiver.listening', 'alerts are taken in', { address: url, auth: isLocked });
  if (isLocked || isLoopback(address)) return;
  logger.warn(
    'receiver.unlocked',
    'everybody who reaches this address can send alerts: ask for a password, token or client certificate with --web.config.file',
    { address: url },
  );
}

function isLoopback({ address }: AddressInfo): boolean {
  return address === '::1' || address.startsWith('127.') || address.startsWith('::ffff:127.');
}
