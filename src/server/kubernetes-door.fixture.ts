import { Registry } from 'prom-client';
import type { Reviews } from '../access/reviews.ts';
import { FakeClock } from '../runtime/clock.fixture.ts';
import { RecordingLogger } from '../runtime/logger.fixture.ts';
import { KubernetesDoor } from './web/kubernetes-door.ts';

type Given = Partial<ConstructorParameters<typeof KubernetesDoor>[0]>;

/** A door for those whom Kubernetes knows. @param reviews default: there is no cluster */
export function testDoor(reviews?: Reviews, given: Given = {}): KubernetesDoor {
  return new KubernetesDoor({
    clock: new FakeClock(),
    logger: new RecordingLogger(),
    registry: new Registry(),
    metrics: { limitReached: () => undefined },
    reviews,
    namespaceLabel: () => 'namespace',
    ...given,
  });
}
