import type { ServerResponse } from 'node:http';
import { answer } from '../server/request/answer.ts';

/** The paths of the API before this one, and the methods that they had. */
export const removedRoutes: readonly (readonly [path: string, methods: readonly string[]])[] = [
  ['/api/v1/alerts', ['GET', 'POST']],
  ['/api/v1/status', ['GET']],
  ['/api/v1/receivers', ['GET']],
  ['/api/v1/silences', ['GET', 'POST']],
  ['/api/v1/silence/:id', ['DELETE', 'GET']],
];

const removed = {
  status: 'deprecated',
  error:
    'The Alertmanager v1 API was deprecated in version 0.16.0 and is removed as of version 0.27.0 - please use the ' +
    'equivalent route in the v2 API',
};

/** 410, in the words of Alertmanager. */
export function answerRemoved(response: ServerResponse): void {
  answer(response, 410, 'application/json', `${JSON.stringify(removed)}\n`, {});
}
