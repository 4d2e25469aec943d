import { valuesSchema } from './values-schema.ts';

/** Every generated file of the chart and of `k8s/`: its path in the project, and its text. A test compares them with the files. */
export function generatedFiles(): ReadonlyMap<string, string> {
  return new Map([['charts/tocsin/values.schema.json', `${JSON.stringify(valuesSchema(), null, 2)}\n`]]);
}
