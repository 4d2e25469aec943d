import type { Flags } from '../config/flags/flags.ts';
import { maskUrls } from '../runtime/masked-url.ts';

/** One line that says why Tocsin could not start, and what to do. */
export function startFailure(error: unknown, { listenAddress: { host, port } }: Flags): string {
  const { code, syscall, message } =
    error instanceof Error ? (error as NodeJS.ErrnoException) : { code: '', syscall: '', message: String(error) };
  // Everything but listening explains itself.
  if (syscall !== 'listen' && syscall !== 'getaddrinfo') return maskUrls(message);
  const address = `${host ?? ''}:${port}`;
  switch (code) {
    case 'EADDRINUSE':
      return `cannot listen on ${address}: the port is in use; end the other program, or choose another with --web.listen-address`;
    case 'EACCES':
      return `cannot listen on ${address}: permission denied;${port < 1024 ? ' ports below 1024 need a privilege,' : ''} choose another with --web.listen-address`;
    case 'EADDRNOTAVAIL':
      return `cannot listen on ${address}: this machine has no such address; correct --web.listen-address (":${port}" is every interface)`;
    case 'ENOTFOUND':
    case 'EAI_AGAIN':
      return `cannot listen on ${address}: the name does not resolve (${code}); correct --web.listen-address (":${port}" is every interface)`;
    default:
      return `cannot listen on ${address}: ${message}; correct --web.listen-address`;
  }
}
