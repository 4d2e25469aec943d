import { Counter, Gauge, type Registry } from 'prom-client';

/** Why a request was not let in. */
export const authFailures = ['missing', 'malformed', 'password', 'token', 'busy', 'host', 'cross_site'] as const;
export type AuthFailure = (typeof authFailures)[number];

/** Why a TLS handshake came to nothing. `reset`: the client went away, as a port probe does. */
export const handshakeFailures = ['timeout', 'certificate', 'protocol', 'reset'] as const;
export type HandshakeFailure = (typeof handshakeFailures)[number];

export interface WebMetrics {
  authFailed(reason: AuthFailure): void;
  handshakeFailed(reason: HandshakeFailure): void;
  /** @param notAfterMs of the server's own certificate; NaN without TLS */
  loaded(now: number, notAfterMs: number): void;
  loadFailed(): void;
}

export function createWebMetrics(registry: Registry): WebMetrics {
  const registers = [registry];
  const auth = new Counter({
    registers,
    name: 'tocsin_http_auth_failures_total',
    help: 'Requests that were not let in, by reason.',
    labelNames: ['reason'],
  });
  const handshakes = new Counter({
    registers,
    name: 'tocsin_tls_handshake_failures_total',
    help: 'TLS connections that were ended before their first request, by reason.',
    labelNames: ['reason'],
  });
  const good = new Gauge({
    registers,
    name: 'tocsin_web_config_last_reload_successful',
    help: 'Whether the web configuration, as it is in its files now, is the one in use.',
  });
  const at = new Gauge({
    registers,
    name: 'tocsin_web_config_last_reload_success_timestamp_seconds',
    help: 'When the web configuration in use was read.',
  });
  const notAfter = new Gauge({
    registers,
    name: 'tocsin_tls_certificate_not_after_timestamp_seconds',
    help: 'When the certificate in use ends; 0 without TLS.',
  });
  for (const reason of authFailures) auth.inc({ reason }, 0);
  for (const reason of handshakeFailures) handshakes.inc({ reason }, 0);
  good.set(1);
  return {
    authFailed: (reason) => auth.inc({ reason }),
    handshakeFailed: (reason) => handshakes.inc({ reason }),
    loaded(now, notAfterMs) {
      good.set(1);
      at.set(now / 1000);
      notAfter.set(Number.isNaN(notAfterMs) ? 0 : notAfterMs / 1000);
    },
    loadFailed: () => good.set(0),
  };
}
