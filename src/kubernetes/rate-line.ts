import type { Logger } from '../runtime/logger.ts';
import type { RateInForce } from './call-rate.ts';

/** Says which limit holds for calls of the API server, and why. */
export function writeRateLine(logger: Logger, rate: RateInForce): void {
  switch (rate.by) {
    case 'configuration':
      return logger.info('api.rate', 'calls of the API server are limited by pipelines.kubernetes.qps', {
        by: rate.by,
        qps: rate.qps,
        burst: rate.burst,
      });
    case 'server':
      return logger.info(
        'api.rate',
        'the API server shares fairly among its callers: Tocsin sets no limit of its own',
        {
          by: rate.by,
          flow_schema_uid: rate.flowSchema,
          priority_level_uid: rate.priorityLevel,
        },
      );
    case 'client':
      return logger.info('api.rate', 'the API server does not show that it shares fairly: Tocsin limits its calls', {
        by: rate.by,
        qps: rate.qps,
        burst: rate.burst,
        missing: 'X-Kubernetes-PF-FlowSchema-UID, X-Kubernetes-PF-PriorityLevel-UID',
      });
  }
}
