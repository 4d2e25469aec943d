import { BatchError } from './batch-error.ts';
import { JsonError } from '../../text/json-scanner.ts';
import { JsonReader } from '../../text/json-reader.ts';
import type { PostableAlert } from './postable-alert.ts';
import { finishedAlert, readAlertDraft, type AlertDraft } from './read-alert.ts';
import { isRequestUri } from '../../text/go/url.ts';

/** A step: an alert that has been read, or, in what is long, nothing but a chance for others to run. */
export type ReadStep = PostableAlert | undefined;

/**
 * Reads the body of `POST /api/v2/alerts` in small steps, whatever it holds, with every rule of Alertmanager 0.34's schema
 * stage: only the first JSON value is read, names of fields match in any letter case, unknown fields are passed over,
 * `null` stands for absent. Differs on purpose: a null alert is an error. Throws BatchError with the alert's index; as the
 * body is decoded before it is validated, a 400 anywhere comes before any 422.
 * @param text well-formed Unicode
 */
export function* readAlerts(text: string, maxLabels: number): Generator<ReadStep, void> {
  try {
    yield* readArray(new JsonReader(text), maxLabels);
  } catch (error) {
    throw error instanceof JsonError ? BatchError.unreadable(error.message) : error;
  }
}

function* readArray(reader: JsonReader, maxLabels: number): Generator<ReadStep, void> {
  yield* reader.start();
  if (reader.peek() === undefined) throw BatchError.required('alerts');
  if (reader.peek() === 'null') return;
  if (reader.peek() !== 'array') reader.fail('an array of alerts: the body is a list, as Prometheus sends it');
  let invalid: BatchError | undefined;
  let index = 0;
  for (let more = yield* reader.nextElement(true); more; more = yield* reader.nextElement(false)) {
    if (reader.peek() !== 'object') reader.fail(`an object: alert ${index} is none`);
    const draft = yield* readAlertDraft(reader, String(index), maxLabels);
    invalid ??= schemaError(draft, index);
    if (invalid === undefined) yield finishedAlert(draft, maxLabels);
    index++;
  }
  if (invalid !== undefined) throw invalid;
}

/** In the order of Alertmanager's validation. */
function schemaError({ labels, generatorURL = '' }: AlertDraft, index: number): BatchError | undefined {
  if (generatorURL !== '' && !isRequestUri(generatorURL))
    return BatchError.notUri(`${index}.generatorURL`, generatorURL);
  return labels === undefined ? BatchError.required(`${index}.labels`) : undefined;
}
