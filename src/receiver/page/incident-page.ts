import type { IncomingMessage, ServerResponse } from 'node:http';
import { answerNotFound, answerText } from '../../server/request/answer.ts';
import type { Route } from '../../server/routes.ts';
import { encodings, PageFiles, type Encoding, type PageFile } from './page-files.ts';

/**
 * What the page may do: load its own files, and call its own origin. Nothing inline, nothing evaluated, in no frame, and no form is
 * sent by the browser itself.
 */
const contentSecurityPolicy = [
  "default-src 'none'",
  "script-src 'self'",
  "style-src 'self'",
  "connect-src 'self'",
  "img-src 'self' data:",
  "base-uri 'none'",
  "form-action 'none'",
  "frame-ancestors 'none'",
  "require-trusted-types-for 'script'",
].join('; ');

/** One year, as long as anybody keeps anything: another content has another name. */
const keptForEver = 'public, max-age=31536000, immutable';
const askedEachTime = 'no-cache';

/**
 * The routes of the incident page: `/` and the files that it loads.
 * @param folder the files that `npm run page` has made; undefined: there is no page
 */
export function pageRoutes(folder: string | undefined): readonly Route[] {
  if (folder === undefined) return [];
  const files = new PageFiles(folder);
  const answerWith = async (
    request: IncomingMessage,
    response: ServerResponse,
    path: string,
    cacheControl: string,
  ): Promise<void> => {
    try {
      const file = await files.find(path);
      if (file === undefined) answerNotFound(response);
      else answerFile(request, response, file, cacheControl);
    } catch (error) {
      answerText(response, 404, notThere(error));
    }
  };
  const index: Handler = (request, response) => answerWith(request, response, 'index.html', askedEachTime);
  const asset: Handler = (request, response, { name = '' }) =>
    answerWith(request, response, `assets/${name}`, keptForEver);
  return [
    { path: '/', methods: { GET: index, HEAD: index }, isForTeams: true },
    { path: '/assets/:name', methods: { GET: asset, HEAD: asset }, isForTeams: true },
  ];
}

type Handler = Route['methods'][string];

function notThere(error: unknown): string {
  const code = (error as NodeJS.ErrnoException).code ?? 'unknown error';
  return `The incident page is not there (${code}): build it with "npm run page", then load this again. The API works without it.\n`;
}

function answerFile(
  request: IncomingMessage,
  response: ServerResponse,
  { contentType, digest, forms }: PageFile,
  cacheControl: string,
): void {
  const accepted = acceptedEncodings(request.headers['accept-encoding']);
  const encoding = encodings.find((name) => accepted.has(name) && forms[name] !== undefined) ?? 'identity';
  const etag = `"${digest}-${encoding}"`;
  // It replaces a configured policy, which is for the API: its usual `default-src 'none'` would leave nothing of the page.
  response.setHeader('Content-Security-Policy', contentSecurityPolicy);
  response.setHeader('Referrer-Policy', 'same-origin').setHeader('X-Content-Type-Options', 'nosniff');
  response.setHeader('Cache-Control', cacheControl).setHeader('Vary', 'Accept-Encoding').setHeader('ETag', etag);
  if (isKept(request.headers['if-none-match'], etag)) return void response.writeHead(304).end();
  const body = forms[encoding] ?? forms.identity;
  if (encoding !== 'identity') response.setHeader('Content-Encoding', encoding);
  response.writeHead(200, { 'Content-Type': contentType, 'Content-Length': body.length }).end(body);
}

/** The encodings that a header `Accept-Encoding` names, except with the weight 0. */
export function acceptedEncodings(header: string | string[] = ''): ReadonlySet<Encoding> {
  const parts = String(header)
    .toLowerCase()
    .split(',')
    .map((part) => part.split(';').map((word) => word.trim()));
  const named = (name: string): string[] | undefined => parts.find(([encoding]) => encoding === name);
  return new Set(
    encodings.filter((name) => {
      const part = named(name);
      return name === 'identity' || (part !== undefined && !part.some((word) => /^q=0(?:\.0*)?$/.test(word)));
    }),
  );
}

/** True if the browser has it already. A proxy that compresses marks its copy of the tag as weak. */
function isKept(header: string | undefined, etag: string): boolean {
  return (header ?? '').split(',').some((tag) => tag.trim().replace(/^W\//, '') === etag);
}
