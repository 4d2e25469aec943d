import * as z from 'zod';
import {
  Alert,
  Condition,
  ExplainedAlert,
  Fact,
  Labels,
  MissingReplicas,
  Pipeline,
  PipelineName,
  Run,
  Time,
} from './schema.ts';
import { Problem, Status } from './schema-status.ts';

/** The requests of the API, the answers to them, and the lists and errors that the whole API shares. */

/** A received body and its result. */
export const Payload = z
  .strictObject({
    request_id: z.string(),
    at: Time,
    remote: z.string(),
    method: z.string(),
    path: z.string(),
    headers: Labels.describe('Without secrets.'),
    bytes: z.int().describe('The length of the body.'),
    cut: z.boolean().describe('True if only its beginning was kept.'),
    body: z.string().optional().describe('Without secrets; left out in a list.'),
    outcome: z.enum(['accepted', 'rejected', 'unknown']),
    reason: z.string().optional(),
    alerts: z.int().optional(),
    firing: z.int().optional(),
    resolved: z.int().optional(),
    invalid: z.int().optional(),
    new: z.int().optional(),
    suppressed: z.int().optional(),
    event_ids: z.array(z.string()),
    runs: z.array(z.string()),
  })
  .meta({ id: 'Payload' });

export type Payload = z.infer<typeof Payload>;

type Page<Item extends z.ZodType> = z.ZodObject<
  { items: z.ZodArray<Item>; next: z.ZodOptional<z.ZodString>; missing_replicas: typeof MissingReplicas },
  z.core.$strict
>;

/** A page of a list; it has `next` if there is more. */
function pageOf<Item extends z.ZodType>(id: string, item: Item): Page<Item> {
  const next = z.string().optional().describe('The `cursor` of the next page.');
  return z.strictObject({ items: z.array(item), next, missing_replicas: MissingReplicas }).meta({ id });
}

export const Pipelines = pageOf('Pipelines', Pipeline);
export const Runs = pageOf('Runs', Run);
export const Alerts = pageOf('Alerts', Alert);
export const Facts = pageOf('Facts', Fact);
export const Payloads = pageOf('Payloads', Payload);

/** All of them at once. */
export const Problems = z.strictObject({ items: z.array(Problem) }).meta({ id: 'Problems' });

export const ApiError = z.strictObject({ code: z.int(), message: z.string() }).meta({ id: 'Error' });

/** Alertmanager's postable alert; unknown members are passed over. */
export const PostableAlert = z
  .looseObject({
    labels: Labels,
    annotations: Labels.optional(),
    startsAt: z.string().optional(),
    endsAt: z.string().optional(),
    generatorURL: z.string().optional(),
  })
  .meta({ id: 'PostableAlert' });

/** A list of alerts, or the payload of an Alertmanager's webhook. */
export const ExplainRequest = z
  .union([z.array(PostableAlert), z.looseObject({ alerts: z.array(PostableAlert) })])
  .meta({ id: 'ExplainRequest' });

/** What keeps a trigger that matches from acting; the verdicts of an alert have the same names. */
const Held = z.enum(['inhibited', 'throttled', 'observed', 'suspended', 'opted_out']);

/** What a trigger would do with an alert. */
export const TriggerPrediction = z
  .strictObject({
    key: z.string().describe('As in the log, such as `alerttrigger/shop/orders-db`.'),
    name: z.string(),
    namespace: z.string().optional().describe('Absent if the trigger is of no namespace.'),
    matches: z.boolean(),
    failed_matcher: z.string().optional().describe('The first that fails.'),
    targets: z
      .array(
        z.strictObject({
          target: z.string().describe('The target in words, its names rendered.'),
          objects: z
            .array(PipelineName)
            .describe('The objects that it leads to now; 1000 for all alerts of a question.'),
          more_objects: z.int().describe('The number of further ones.'),
          problem: z.string().optional().describe('Why it leads to no object.'),
          throttled: z.int().optional().describe('How many of the objects have to wait.'),
          throttled_until: Time.optional().describe('When the first of them may be woken.'),
        }),
      )
      .describe('Empty if it does not match.'),
    action: z.string().describe('What it does, in words; the templates are rendered if it matches.'),
    held: Held.optional().describe('What keeps it from acting. Absent if nothing does.'),
    because: z.string().optional().describe('The same in words, with names.'),
    inhibited_by: Alert.optional(),
  })
  .meta({ id: 'TriggerPrediction' });

export const Prediction = z
  .strictObject({
    alert: Alert,
    valid: z.boolean(),
    problem: z.string().optional().describe('Why it is not valid.'),
    merges_with: Alert.optional().describe('The stored alert with these labels; absent if it is new.'),
    silenced_by: z.array(
      z.strictObject({ id: z.string(), created_by: z.string(), comment: z.string(), ends_at: Time }),
    ),
    wakes: z.boolean(),
    because: z.string().describe('Why it would wake a run or not, in words.'),
    select: z.enum(['all', 'labels']).describe('The rule that selects pipelines.'),
    default: z.boolean().describe('Whether `source.select` and `controller.action` hold (`triggers.default`).'),
    triggers: z
      .array(TriggerPrediction)
      .describe('Those that match come first, then those of the namespace; 1000 for all alerts of a question.'),
    more_triggers: z.int().describe('The number of further ones.'),
    requests: z
      .array(PipelineName)
      .describe('The pipelines that `source.select` would have looked at; 10,000 for all alerts of a question.'),
    more_requests: z.int().describe('The number of further ones.'),
    pipelines: z.array(
      z.strictObject({
        pipeline: PipelineName,
        condition: Condition.optional().describe('The current condition.'),
        if_firing: Condition.optional().describe('The condition if Prometheus reported the alert as firing.'),
        as_prometheus_is: Condition.optional().describe('The condition by what Prometheus reports now.'),
        error: z.string().optional(),
      }),
    ),
    more_pipelines: z
      .int()
      .describe('The number of requests whose conditions are not shown: 1000 are, for all alerts of a question.'),
  })
  .meta({ id: 'Prediction' });

export const Explanation = z.strictObject({ items: z.array(Prediction) }).meta({ id: 'Explanation' });

export const ReconcileRequest = z
  .union([
    z.strictObject({ pipelines: z.array(PipelineName).min(1).max(10_000) }),
    z.strictObject({ all: z.literal(true) }),
  ])
  .meta({ id: 'ReconcileRequest' });

export const ReconcileAnswer = z
  .strictObject({
    event_id: z.string().describe('The event of its runs, which name it in their `event_ids`.'),
    request_id: z.string(),
    pipelines: z.array(PipelineName),
  })
  .meta({ id: 'ReconcileAnswer' });

export const ResumeAnswer = z
  .strictObject({
    released: z.int().describe('The runs that waited because of a storm, and go out now; 0 without a storm.'),
  })
  .meta({ id: 'ResumeAnswer' });

export type TriggerPrediction = z.infer<typeof TriggerPrediction>;
export type Prediction = z.infer<typeof Prediction>;
export type ReconcileRequest = z.infer<typeof ReconcileRequest>;
export type ReconcileAnswer = z.infer<typeof ReconcileAnswer>;

/** Every answer in JSON, for a caller that wants to check one. */
export const answers = {
  Pipelines,
  Runs,
  Alerts,
  ExplainedAlert,
  Facts,
  Payloads,
  Payload,
  Problems,
  Status,
  Explanation,
  ReconcileAnswer,
  ResumeAnswer,
  ApiError,
};
