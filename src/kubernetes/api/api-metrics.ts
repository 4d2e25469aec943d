import { Counter, Gauge, Histogram, type Registry } from 'prom-client';

export interface ApiMetrics {
  /** @param status undefined: no answer */
  called(method: string, status: number | undefined): void;
  /** How long a call waited for the rate limit. */
  waited(seconds: number): void;
}

const codes = [200, 400, 401, 403, 404, 409, 410, 422, 429, 500, 503, 504];

/**
 * Metrics of the calls of the API server, named as client-go's. `<error>` is a call without an answer, as there.
 * @param qps calls a second that are allowed; 0: no limit of ours; read at each scrape
 */
export function createApiMetrics(registry: Registry, qps: () => number): ApiMetrics {
  const registers = [registry];
  const requests = new Counter({
    registers,
    name: 'rest_client_requests_total',
    help: 'Calls of the Kubernetes API server; a 2xx counts as 200, a rare code as other, no answer as <error>.',
    labelNames: ['method', 'code'],
  });
  const waits = new Histogram({
    registers,
    name: 'rest_client_rate_limiter_duration_seconds',
    help: 'How long a call of the Kubernetes API server waited for the rate limit of the client.',
    buckets: [0.005, 0.025, 0.1, 0.25, 0.5, 1, 2, 4, 8, 15, 30, 60],
  });
  new Gauge({
    registers,
    name: 'tocsin_api_rate_limit_qps',
    help: 'Calls of the Kubernetes API server a second that Tocsin allows itself; 0 leaves it to an API server that shares fairly.',
    collect() {
      this.set(qps());
    },
  });
  for (const method of ['GET', 'POST', 'PUT', 'PATCH', 'DELETE']) {
    for (const code of [...codes, 'other', '<error>']) requests.inc({ method, code }, 0);
  }
  return {
    called(method, status) {
      requests.inc({ method, code: status === undefined ? '<error>' : codes.includes(status) ? status : 'other' });
    },
    waited(seconds) {
      waits.observe(seconds);
    },
  };
}
