import type { ApiClient } from './client.ts';
import type { Output } from './output.ts';
import type { PipelineName } from '../explain/schema.ts';
import { pipelineOfKey } from '../explain/words.ts';
import { UsageError } from './command.ts';
import { showValue } from '../config/settings/show-value.ts';

/** Reads `Kind/name` or `Kind/namespace/name`, as a command accepts it. Throws UsageError. */
export function readPipelineName(word: string): PipelineName {
  const parts = word.split('/');
  if (parts.length < 2 || parts.length > 3 || parts.includes(''))
    throw new UsageError(
      `${showValue(word)}: no name of a pipeline, allowed: KIND/NAME or KIND/NAMESPACE/NAME, as in tracepipeline/backend`,
    );
  return pipelineOfKey(word);
}

/** Times are shown in UTC, as in the log. */
export function showTime(time: string): string {
  return time.replace('T', ' ').replace(/(?:\.\d+)?Z$/, ' UTC');
}

/** `name=value` of each word; a word without "=" is the name of an alert. Throws UsageError. */
export function readLabels(words: readonly string[]): Readonly<Record<string, string>> {
  const labels: Record<string, string> = {};
  for (const word of words) {
    const [, name, quoted, plain] = /^([A-Za-z_]\w*)=(?:"(.*)"|([^~].*|))$/s.exec(word) ?? [];
    if (name !== undefined) labels[name] = quoted ?? plain ?? '';
    else if (/[=~]/.test(word))
      throw new UsageError(`${showValue(word)}: no label, allowed: NAME=VALUE, as in severity=critical`);
    else labels['alertname'] = word;
  }
  return labels;
}

/** A name as a replica has it, without the suffix that each start gives it. */
export function replicaText(name: string): string {
  return name.replace(/_[0-9a-f]{16}$/, '');
}

/** What is told may not be all. */
export function tellMissing(output: Output, { missingReplicas }: Pick<ApiClient, 'missingReplicas'>): void {
  if (missingReplicas.size === 0) return;
  const names = [...missingReplicas].map(replicaText).join(', ');
  output.line();
  output.line(`${names} did not answer in time: what is known there alone is missing here.`);
}
