import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import * as z from 'zod';
import { triggerSpec } from '../../../charts/trigger-spec-schema.ts';
import { readTrigger } from '../../../src/trigger/read-trigger.ts';
import { TriggerSpec } from '../../../src/trigger/trigger-spec.ts';
import { defaultRules } from '../../../src/trigger/trigger.fixture.ts';
import { exampleSpec, refusedSpecs, takenSpecs } from '../../support/trigger-specs.ts';

interface Schema {
  readonly type?: string;
  readonly description?: string;
  readonly required?: readonly string[];
  readonly enum?: readonly string[];
  readonly properties?: Readonly<Record<string, Schema>>;
  readonly items?: Schema;
  readonly minItems?: number;
}

/** Of each field its path, its type, its words, whether it must be there, and whether its list may be empty. */
function* fields(schema: Schema, path = 'spec'): Generator<string> {
  const { type, enum: words = [], items, properties = {}, required = [], minItems = 0 } = schema;
  yield [path, type, ...words.toSorted(), ...(minItems > 0 ? ['not empty'] : [])].join(' ');
  if (items !== undefined) yield* fields(items, `${path}[]`);
  for (const [key, inner] of Object.entries(properties))
    yield* fields(inner, `${path}.${key}${required.includes(key) ? '!' : ''}`);
}

function read(change: object): ReturnType<typeof readTrigger> {
  const spec = JSON.parse(JSON.stringify({ ...exampleSpec, ...change })) as unknown;
  return readTrigger({ origin: 'AlertTrigger', namespace: 'shop', name: 'x', generation: 1 }, spec, defaultRules);
}

describe('the schema of spec in the CustomResourceDefinitions', () => {
  for (const kind of ['AlertTrigger', 'ClusterAlertTrigger'] as const)
    it(`of ${kind} has the fields that Tocsin reads, and no others`, () => {
      const own = z.toJSONSchema(TriggerSpec, { io: 'input' }) as Schema;
      assert.deepEqual([...fields(triggerSpec(kind) as Schema)].toSorted(), [...fields(own)].toSorted());
    });

  it('describes every field', () => {
    const undescribed: string[] = [];
    const look = (schema: Schema, path: string): void => {
      for (const [key, inner] of Object.entries(schema.properties ?? {})) {
        if (inner.description === undefined) undescribed.push(`${path}.${key}`);
        look(inner, `${path}.${key}`);
      }
      if (schema.items !== undefined) look(schema.items, `${path}[]`);
    };
    look(triggerSpec('AlertTrigger'), 'spec');
    assert.deepEqual(undescribed, []);
  });
});

describe('what the API server refuses', () => {
  for (const [what, change] of refusedSpecs.filter(([name]) => name !== 'an unknown field'))
    it(`is refused by Tocsin as well, if it has an older definition: ${what}`, () =>
      assert.ok('problems' in read(change)));

  for (const [what, change] of takenSpecs)
    it(`is not more than Tocsin refuses: it takes a trigger ${what}`, () => {
      const reading = read(change);
      assert.deepEqual('problems' in reading ? reading.problems : [], []);
    });
});
