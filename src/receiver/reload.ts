import type { ServerResponse } from 'node:http';
import { answerText } from '../server/request/answer.ts';

/** What became of a reload: the keys that need a restart, or every problem, a line each, and nothing has changed. */
export type ReloadResult = { readonly needRestart: readonly string[] } | { readonly problems: readonly string[] };

/** Reloads the configuration. Never rejects. */
export type Reload = () => Promise<ReloadResult>;

/** `POST /-/reload`, as Alertmanager answers it; beyond that, it says which keys need a restart, and every problem. */
export async function answerReload(response: ServerResponse, reload: Reload): Promise<void> {
  const result = await reload();
  if ('problems' in result)
    return answerText(response, 500, `failed to reload config: ${result.problems.join('\n')}\n`);
  const lines = result.needRestart.map((key) => `${key} needs a restart: the running value stays\n`);
  if (lines.length > 0) answerText(response, 200, lines.join(''));
  else response.writeHead(200, { 'Content-Length': 0 }).end();
}
