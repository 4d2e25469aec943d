import * as z from 'zod';
import { Time } from './schema.ts';

/** What one replica knows of another one. */
const StatusPeer = z
  .strictObject({
    identity: z.string().optional().describe('Absent if it has never answered.'),
    address: z.string(),
    answers: z.boolean(),
    since_seconds: z.number().describe('How long it has answered under this name, or has not answered.'),
    error: z.string().optional().describe('Why it did not answer last.'),
    version: z.string().optional(),
    instance: z.string().optional(),
    configuration_differs_seconds: z
      .number()
      .optional()
      .describe('How long it has had another configuration; absent if it is the same, or unknown.'),
    clock_ahead_seconds: z.number().optional().describe('How far its clock is ahead of that of this replica.'),
  })
  .meta({ id: 'StatusPeer' });

export type StatusPeer = z.infer<typeof StatusPeer>;

/** What Tocsin says about itself: for `tocsin check`, which walks the way of the alerts. */
export const Status = z
  .strictObject({
    version: z.string(),
    instance: z.string().describe('Another one after each start: it tells two processes at one address apart.'),
    started_at: Time,
    time: Time.describe('By the clock of Tocsin.'),
    not_ready: z.string().optional().describe('The reason; absent if it is ready.'),
    addresses: z.strictObject({
      host: z.string().optional().describe('Where it listens; absent for every interface.'),
      port: z.int(),
      route_prefix: z.string(),
      external_url: z.string().optional(),
      advertised_urls: z.array(z.string()),
      machine: z.array(z.string()).describe('The names and addresses of its machine or pod.'),
    }),
    configuration: z.strictObject({
      file: z.string().optional().describe('The absolute path; absent without `--config.file`.'),
      sha256: z.string().describe('The SHA-256 of the text that runs.'),
      loaded_at: Time,
      refused: z.boolean().describe('True if a later version was refused.'),
      file_sha256: z.string().optional().describe('That of the file as it is now.'),
      file_modified_at: Time.optional(),
      file_error: z.string().optional().describe('Why the file cannot be read.'),
    }),
    prometheus: z.array(z.string()).describe('`prometheus.url`, without credentials.'),
    action: z.enum(['condition', 'annotate', 'log']),
    select: z.enum(['all', 'labels']),
    storage: z.strictObject({
      path: z.string(),
      error: z.string().optional().describe('Why nothing can be written there now.'),
    }),
    history: z.strictObject({
      retention_seconds: z.number().describe('0: nothing is kept.'),
      lost: z.int().describe('The facts that came too fast, or had no room, in the last hour.'),
    }),
    received: z.strictObject({
      at: Time.optional().describe('When an alert that is still stored was last received.'),
      from_prometheus_at: Time.optional().describe(
        'The same of alerts that say when they end, as Prometheus sends them.',
      ),
    }),
    queue: z.strictObject({
      waiting: z.int(),
      oldest_seconds: z.number().optional().describe('How long the oldest request has waited for a worker.'),
      running: z.int(),
      longest_seconds: z.number().optional().describe('How long the oldest run has been running.'),
    }),
    replica: z
      .strictObject({
        identity: z.string().describe('Its name as a holder of the lease: another one after each start.'),
        lease: z.string().describe('NAMESPACE/NAME.'),
        leading: z.boolean(),
        leader: z.string().optional().describe('Who leads, as far as this replica knows; absent if nobody does.'),
        term: z.int().describe('Each has one leader, and a later one a higher number; 0: none is known.'),
        waiting_for_leader_seconds: z.number().optional().describe('Since when nobody leads.'),
        peers: z.array(StatusPeer).optional().describe('The others that are on the list, as this replica sees them.'),
      })
      .optional()
      .describe('This replica among several; absent if it is the only one.'),
    storm: z
      .strictObject({
        since: Time,
        waiting: z.int().describe('Runs that wait.'),
        released: z.int().describe('Runs that have gone out.'),
        until: Time.describe('When the last of them goes out.'),
      })
      .optional()
      .describe('A storm that goes on: one event concerned so many objects that its runs are paced.'),
    limits: z
      .array(z.strictObject({ limit: z.string(), count: z.int(), last_reached_at: Time }))
      .describe('The limits that were reached since the start.'),
    watchdog: z
      .strictObject({
        matcher: z.string(),
        after_seconds: z.number(),
        received_at: Time.optional().describe('When it was last received; absent if it is not stored.'),
      })
      .optional()
      .describe('Absent without `receiver.watchdog.matcher`.'),
  })
  .meta({ id: 'Status' });

/** What a team gets of it. */
export const BriefStatus = z
  .strictObject({
    version: z.string(),
    time: Time.describe('By the clock of Tocsin.'),
    not_ready: z.string().optional().describe('Absent if it is ready.'),
    history: z.strictObject({ retention_seconds: z.number().describe('0: nothing is kept.') }),
  })
  .meta({ id: 'BriefStatus' });

/** The answer: whole, or what a team gets. */
export const StatusAnswer = z.union([Status, BriefStatus]).meta({ id: 'StatusAnswer' });

export type BriefStatus = z.infer<typeof BriefStatus>;

export type Status = z.infer<typeof Status>;

/** What keeps alerts away. */
export const Problem = z
  .strictObject({
    name: z.string().describe('The name of docs/drift.md, such as `watchdog_absent`.'),
    severity: z.enum(['warning', 'info']).describe('`info`: Tocsin cannot tell, and says why.'),
    since: Time.describe('When it was found.'),
    message: z.string().describe('What is wrong, and where.'),
    advice: z.string().describe('What to do.'),
  })
  .meta({ id: 'Problem' });

export type Problem = z.infer<typeof Problem>;
