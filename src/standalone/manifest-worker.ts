import { parentPort } from 'node:worker_threads';
import type { Message, Task } from './manifest-thread.ts';
import { documentManifests } from './pipeline-manifest.ts';

/** The thread of {@link ManifestThread}: it answers each task document by document. */
const post = (message: Message): void => {
  // oxlint-disable-next-line unicorn/require-post-message-target-origin -- that is for windows
  parentPort?.postMessage(message);
};

parentPort?.on('message', ({ text, file, after }: Task) => {
  const manifests = documentManifests(text, file, after, ({ number, text: document, position }) =>
    post({ begun: { number, line: position(0).line, bytes: Buffer.byteLength(document) } }),
  );
  for (const done of manifests) post({ done });
  post({ ended: true });
});
