import type { ServerResponse } from 'node:http';
import { answerRefusal, answerString } from './answer.ts';
import { BodyError } from './body-error.ts';

/** A request that is refused; the message is for its sender. */
export class RefusedError extends Error {
  readonly status: number;
  /** The `code` of the answer's body. */
  readonly code: number;

  constructor(status: number, message: string, code = status) {
    super(message);
    this.name = 'RefusedError';
    this.status = status;
    this.code = code;
  }
}

/** Answers for an error, in the shape that Alertmanager has for it; gives the status. Only a defect of ours is a 500. */
export function refuse(response: ServerResponse, error: unknown): number {
  const status = statusOf(error);
  if (response.headersSent || response.destroyed) return status;
  if (status === 500) answerString(response, 500, 'internal error: see the log of Tocsin');
  else answerRefusal(response, status, error instanceof RefusedError ? error.code : status, (error as Error).message);
  return status;
}

function statusOf(error: unknown): number {
  return error instanceof BodyError || error instanceof RefusedError ? error.status : 500;
}
