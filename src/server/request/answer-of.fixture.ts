import { createServer, get, type IncomingHttpHeaders, type ServerResponse } from 'node:http';
import type { AddressInfo } from 'node:net';
import { text } from 'node:stream/consumers';

export interface GivenAnswer {
  readonly status: number | undefined;
  /** Without the headers that Node adds to every answer. */
  readonly headers: IncomingHttpHeaders;
  readonly body: string;
}

/** The answer that a client gets from `give`. */
export async function answerOf(give: (response: ServerResponse) => void): Promise<GivenAnswer> {
  const server = createServer((_request, response) => give(response));
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  try {
    return await answerFrom((server.address() as AddressInfo).port);
  } finally {
    server.closeAllConnections();
    await new Promise((resolve) => server.close(resolve));
  }
}

function answerFrom(port: number): Promise<GivenAnswer> {
  return new Promise((resolve, reject) => {
    const request = get({ host: '127.0.0.1', port, agent: false }, (response) => {
      const { date: _date, connection: _connection, ...headers } = response.headers;
      text(response).then((body) => resolve({ status: response.statusCode, headers, body }), reject);
    });
    request.once('error', reject);
  });
}
