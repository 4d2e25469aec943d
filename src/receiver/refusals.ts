import type { ServerResponse } from 'node:http';
import { BatchError } from '../alert/postable/postable-alert.ts';
import { refuse, RefusedError } from '../server/request/answer.ts';

/** Answers for an error of the intake, in the shape that Alertmanager has for it; gives the status. */
export function refuseBatch(response: ServerResponse, error: unknown): number {
  return refuse(
    response,
    error instanceof BatchError ? new RefusedError(error.status, error.message, error.code) : error,
  );
}
