import * as z from 'zod';
import { ExplainedAlert } from './schema.ts';
import { StatusAnswer } from './schema-status.ts';
import {
  Payload,
  Alerts,
  ApiError,
  Explanation,
  ExplainRequest,
  Facts,
  Payloads,
  Pipelines,
  Problems,
  ReconcileAnswer,
  ReconcileRequest,
  ResumeAnswer,
  Runs,
} from './schema-requests.ts';

type Json = Readonly<Record<string, unknown>>;

interface Operation {
  readonly id: string;
  readonly summary: string;
  /** Names of {@link parameters}. */
  readonly parameters?: readonly (keyof typeof parameters)[];
  readonly body?: z.ZodType;
  /** A content type other than JSON, or the shape of the JSON. */
  readonly answer: z.ZodType | string;
  readonly status?: 200 | 202;
}

const path = (description: string): Json => ({ in: 'path', required: true, description, schema: { type: 'string' } });
const query = (description: string, schema: Json = { type: 'string' }): Json => ({ in: 'query', description, schema });

const parameters = {
  kind: path('Such as `TracePipeline`, in any letter case; with a group as `Kind.group`.'),
  namespace: path('The namespace of the pipeline.'),
  name: path('The name of the pipeline.'),
  fingerprint: path("Alertmanager's fingerprint of the alert, 16 hexadecimal digits."),
  request_id: path('The id of the request, as in the header `X-Request-Id` of its answer.'),
  filter: {
    ...query('A matcher, as in `GET /api/v2/alerts`; all of them have to match an alert of the fact.', {
      type: 'array',
      items: { type: 'string' },
    }),
    explode: true,
  },
  pipeline: query('`Kind/name` or `Kind/namespace/name`.'),
  of_namespace: query('For a sender with a right there alone, who gets the brief form.'),
  by_request: query('The id of a request.'),
  event_id: query('The id of an event.'),
  event: query('The name of a line of the log, such as `condition.changed`.'),
  since: query('Not before this time, or so long ago: `2026-11-30T09:00:00Z`, `90m`.'),
  replicas: query('All replicas, or this one alone.', { type: 'string', enum: ['all', 'this'], default: 'all' }),
  until: query('Before this time, or so long ago.'),
  limit: query('So many at most.', { type: 'integer', minimum: 1, maximum: 1000, default: 100 }),
  cursor: query('`next` of the page before.'),
  last_event_id: {
    in: 'header',
    description: 'The id of the last fact that was seen: those after it are sent first.',
    schema: { type: 'string' },
  },
} as const satisfies Record<string, Json>;

const parameterNames: Readonly<Partial<Record<keyof typeof parameters, string>>> = {
  of_namespace: 'namespace',
  by_request: 'request_id',
  last_event_id: 'Last-Event-ID',
};

const page = ['since', 'until', 'limit', 'cursor'] as const;

const operations: Readonly<Record<string, Readonly<Partial<Record<'get' | 'post', Operation>>>>> = {
  '/pipelines': {
    get: {
      id: 'listPipelines',
      summary:
        'Every pipeline, and every object whose conditions triggers keep: condition, what fires, last run, next look',
      parameters: ['limit', 'cursor'],
      answer: Pipelines,
    },
  },
  '/pipelines/{kind}/{name}': {
    get: {
      id: 'listRuns',
      summary: 'The runs of a pipeline, newest first',
      parameters: ['kind', 'name', ...page],
      answer: Runs,
    },
  },
  '/pipelines/{kind}/{namespace}/{name}': {
    get: {
      id: 'listRunsInNamespace',
      summary: 'The runs of an object in a namespace, newest first',
      parameters: ['kind', 'namespace', 'name', ...page],
      answer: Runs,
    },
  },
  '/alerts': {
    get: {
      id: 'listAlerts',
      summary: 'The alerts that are stored, resolved ones too, or that the history names',
      parameters: ['filter', 'limit', 'cursor'],
      answer: Alerts,
    },
  },
  '/alerts/{fingerprint}': {
    get: {
      id: 'explainAlert',
      summary: 'An alert as it is stored, and what it did, newest first',
      parameters: ['fingerprint', ...page],
      answer: ExplainedAlert,
    },
  },
  '/history': {
    get: {
      id: 'listFacts',
      summary: 'What the log said, newest first',
      parameters: ['filter', 'pipeline', 'by_request', 'event_id', 'event', 'replicas', ...page],
      answer: Facts,
    },
  },
  '/payloads': {
    get: { id: 'listPayloads', summary: 'The last bodies that came in, newest first', answer: Payloads },
  },
  '/payloads/{request_id}': {
    get: {
      id: 'getPayload',
      summary: 'A body that came in, and what became of it',
      parameters: ['request_id'],
      answer: Payload,
    },
  },
  '/problems': {
    get: { id: 'listProblems', summary: 'What is wrong on the way of the alerts now', answer: Problems },
  },
  '/status': {
    get: {
      id: 'getStatus',
      summary: 'What Tocsin says about itself: process, configuration, storage, queue, what it has received',
      parameters: ['of_namespace'],
      answer: StatusAnswer,
    },
  },
  '/live': {
    get: {
      id: 'followFacts',
      summary:
        'Every fact from now on, as Server-Sent Events: `id` is that of the fact, `data` its JSON; an event `gap` says which were missed',
      parameters: ['filter', 'pipeline', 'by_request', 'event_id', 'event', 'last_event_id'],
      answer: 'text/event-stream',
    },
  },
  '/explain': {
    post: {
      id: 'explainPayload',
      summary: 'What alerts would do if they were posted; changes nothing',
      body: ExplainRequest,
      answer: Explanation,
    },
  },
  '/reconcile': {
    post: {
      id: 'reconcile',
      summary: 'Has pipelines looked at now',
      body: ReconcileRequest,
      answer: ReconcileAnswer,
      status: 202,
    },
  },
  '/storm/resume': {
    post: {
      id: 'resumeStorm',
      summary: 'Lets everything out at once that waits because of a storm',
      answer: ResumeAnswer,
    },
  },
};

/** The paths below `/api/tocsin/v1`, with the methods of each. */
export const documentedPaths: readonly (readonly [path: string, methods: readonly string[]])[] = Object.entries(
  operations,
).map(([documented, methods]) => [documented, Object.keys(methods).map((method) => method.toUpperCase())]);

/** The OpenAPI 3.1 document of the API. @param base `/api/tocsin/v1` under the route prefix */
export function openApi(version: string, base: string): Json {
  return {
    openapi: '3.1.0',
    info: {
      title: 'Tocsin',
      version,
      description: 'Why a run happened, what an alert did, whether an alert would arrive.',
      license: { name: 'Apache-2.0', identifier: 'Apache-2.0' },
    },
    servers: [{ url: base }],
    security: [{}, { basic: [] }, { bearer: [] }],
    paths: Object.fromEntries(Object.entries(operations).map(([at, methods]) => [at, pathItem(methods)])),
    components: {
      schemas: schemas(),
      securitySchemes: { basic: { type: 'http', scheme: 'basic' }, bearer: { type: 'http', scheme: 'bearer' } },
    },
  };
}

function pathItem(methods: (typeof operations)[string]): Json {
  return Object.fromEntries(Object.entries(methods).map(([method, operation]) => [method, operationJson(operation)]));
}

function operationJson({ id, summary, parameters: names = [], body, answer, status = 200 }: Operation): Json {
  return {
    operationId: id,
    summary,
    ...(names.length > 0 && {
      parameters: names.map((name) => ({ name: parameterNames[name] ?? name, ...parameters[name] })),
    }),
    ...(body !== undefined && { requestBody: { required: true, content: jsonContent(body) } }),
    responses: {
      [status]: { description: 'As asked for.', content: contentOf(answer) },
      '4XX': { description: 'Refused, with the reason.', content: jsonContent(ApiError) },
    },
  };
}

function contentOf(answer: z.ZodType | string): Json {
  return typeof answer === 'string' ? { [answer]: { schema: { type: 'string' } } } : jsonContent(answer);
}

function jsonContent(schema: z.ZodType): Json {
  return { 'application/json': { schema: { $ref: reference(z.globalRegistry.get(schema)!.id!) } } };
}

/** Every named shape, as JSON Schema. */
function schemas(): Json {
  const { schemas: all } = z.toJSONSchema(z.globalRegistry, { uri: reference });
  return Object.fromEntries(Object.entries(all).map(([id, schema]) => [id, withoutIdentity(schema)]));
}

function withoutIdentity(schema: object): Json {
  return Object.fromEntries(Object.entries(schema).filter(([key]) => key !== '$schema' && key !== '$id'));
}

function reference(id: string): string {
  return `#/components/schemas/${id}`;
}
