import { describe, it } from 'node:test';
import { FakeApiClient } from '../../src/kubernetes/api/fake-api-client.fixture.ts';
import type { ApiObject } from '../../src/kubernetes/api-object.ts';
import { writeCases } from './condition-writer.cases.ts';
import { checkWrite, writeCollection as collection, type WriteServer } from './condition-writer.check.ts';

function fakeServer(): WriteServer {
  const client = new FakeApiClient();
  let created = 0;
  return {
    client,
    create: async (name, status) => {
      client.put(`${collection}/${name}`, {
        metadata: { name, uid: `uid-${++created}` },
        ...(status !== undefined && { status }),
      });
      return `${collection}/${name}`;
    },
    delete: async (path) => client.delete(path),
    get: async (path) => client.get(path) as unknown as ApiObject,
  };
}
describe('ConditionWriter on the fake API server writes', () => {
  for (const [index, given] of writeCases.entries()) {
    it(given.name, () => checkWrite(fakeServer(), `case-${index}`, given));
  }
});
