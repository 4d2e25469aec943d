import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { openApi } from './openapi.ts';

interface Document {
  readonly openapi: string;
  readonly servers: readonly { readonly url: string }[];
  readonly paths: Readonly<Record<string, unknown>>;
  readonly components: { readonly schemas: Readonly<Record<string, { readonly properties?: object }>> };
}

const document = openApi('1.2.3', '/tocsin/api/tocsin/v1') as unknown as Document;

describe('the OpenAPI document', () => {
  it('is one of OpenAPI 3.1, below the route prefix', () => {
    assert.equal(document.openapi, '3.1.0');
    assert.deepEqual(document.servers, [{ url: '/tocsin/api/tocsin/v1' }]);
  });

  it('has every call', () => {
    assert.deepEqual(Object.keys(document.paths), [
      '/pipelines',
      '/pipelines/{kind}/{name}',
      '/pipelines/{kind}/{namespace}/{name}',
      '/alerts',
      '/alerts/{fingerprint}',
      '/history',
      '/payloads',
      '/payloads/{request_id}',
      '/problems',
      '/status',
      '/live',
      '/explain',
      '/reconcile',
      '/storm/resume',
    ]);
  });

  it('refers only to shapes that it contains, and contains only those', () => {
    const pointers = [...JSON.stringify(document).matchAll(/"\$ref":"([^"]+)"/g)].map(([, pointer]) => pointer!);
    const shapes = new Set(Object.keys(document.components.schemas).map((id) => `#/components/schemas/${id}`));
    assert.ok(pointers.length > 20);
    assert.deepEqual(
      pointers.filter((pointer) => !shapes.has(pointer)),
      [],
    );
  });

  it('shows a run as the issue of an alert: why, what was found, what was done', () => {
    assert.deepEqual(Object.keys(document.components.schemas['Run']?.properties ?? {}), [
      'id',
      'replica',
      'pipeline',
      'at',
      'priority',
      'triggers',
      'causes',
      'more_causes',
      'request_ids',
      'more_request_ids',
      'event_ids',
      'hops',
      'prometheus',
      'chosen_by',
      'decided_by',
      'decided_by_triggers',
      'decided_because',
      'actions',
      'throttled_by',
      'throttled_until',
      'outcome',
      'because',
      'transition',
      'error',
      'retry_at',
      'look_again_at',
    ]);
  });
});
