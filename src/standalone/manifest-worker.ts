import { parentPort } from 'node:worker_threads';
import type { Message, Task } from './manifest-thread.ts';
import type { DocumentText } from './manifest-documents.ts';
import { documentManifests } from './pipeline-manifest.ts';

/** The thread of {@link ManifestThread}: it answers each task document by document. */
const post = (message: Message): void => {
  // oxlint-disable-next-line unicorn/require-post-message-target-origin -- that is for windows
  parentPort?.postMessage(message);
};

parentPort?.on('message', ({ text, file, after, kinds }: Task) => {
  const onBegin = ({ number, text: document, position }: DocumentText): void =>
    post({ begun: { number, line: position(0).line, bytes: Buffer.byteLength(document) } });
  const manifests = documentManifests(text, file, { after, kinds, onBegin });
  for (const done of manifests) post({ done });
  post({ ended: true });
});
