import { Registry } from 'prom-client';
import { createHttpMetrics, type HttpMetrics } from './request/http-metrics.ts';

export interface TestHttpMetrics {
  readonly registry: Registry;
  readonly metrics: HttpMetrics;
}

export function testHttpMetrics(): TestHttpMetrics {
  const registry = new Registry();
  return { registry, metrics: createHttpMetrics(registry) };
}
