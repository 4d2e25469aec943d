import { createServer } from 'node:http';

/**
 * The least that a Node program can do with a POST of alerts: read the body, JSON.parse it, answer 200. Its cost is the lower bound of
 * every receiver written for Node.
 */
const server = createServer((request, response) => {
  const chunks: Buffer[] = [];
  request.on('data', (chunk: Buffer) => chunks.push(chunk));
  request.on('end', () => {
    if (request.method === 'POST') JSON.parse(Buffer.concat(chunks).toString('utf8'));
    response.writeHead(200, { 'Content-Length': 0 }).end();
  });
});
server.listen(Number(process.argv[2]), '127.0.0.1');
