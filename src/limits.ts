/** Limits that are not configurable. The configurable ones are in the configuration; docs/configuration.md lists all of them. */

/** A reconcile that has not ended by then is told to stop through its signal, milliseconds. */
export const reconcileDeadlineMs = 60_000;

/** After a failed query the next one is made at the latest after this, milliseconds. */
export const maxSnapshotRetryMs = 30_000;

/** A condition that is kept because of a push is looked at again after so long, milliseconds. */
export const heldLookMs = 5000;

/** A replica of Prometheus that failed last time is waited for so long once another one has answered, milliseconds. */
export const failingReplicaWaitMs = 1000;

/**
 * After a write that was refused with a 403 the next one is made after the first of these; then after as long as it has
 * been refused for, up to the second, after which the log tells of it again, milliseconds. An API server that has just been started
 * refuses everybody until it has read its roles.
 */
export const firstForbiddenRetryMs = 2000;
export const forbiddenRetryMs = 120_000;

/** How often at most the log tells that requests whose last run failed hold their half of the workers, milliseconds. */
export const heldLineMs = 60_000;

/** Lines about objects that the API server refuses to write, though no right is missing, that are written in one second. */
export const refusalLinesPerSecond = 10;

/** So many refused rights and objects are remembered; past that, the one that was refused longest ago begins anew. */
export const maxRememberedRefusals = 4096;

/** The longest that an API server which is busy can have a write put off, milliseconds. */
export const maxWriteDelayMs = 300_000;

/** How often a condition is written again because somebody else wrote in between; then the queue's back-off takes over. */
export const maxWriteConflicts = 5;

/** Kubernetes Events: at most one write for one pipeline and reason in this time, milliseconds. */
export const eventPeriodMs = 60_000;

/** A transition that comes again within this after the last one belongs to the same Event, as in client-go, milliseconds. */
export const eventSeriesMs = 360_000;

/**
 * Calls of the API server a second, and at once after a rest, where it does not show that it shares fairly among its callers and
 * `pipelines.kubernetes.qps` says nothing else; and for how long one answer that does not show it counts, milliseconds.
 */
export const defaultApiQps = 20;
export const defaultApiBurst = 30;
export const unfairMemoryMs = 60_000;

/** Kubernetes Events: writes a second, and at once after a rest, whatever else may be called. */
export const eventQps = 20;
export const eventBurst = 30;

/** Events that are remembered for their repeats, as in client-go, and those that wait to be written. */
export const maxEventSeries = 4096;
export const maxWaitingEvents = 1000;

/** So often within so many milliseconds the log is written out when there are lines; under load they wait for one another. */
export const logWrites = { calls: 4, windowMs: 20 };

/** How long all long work together may hold the event loop before others get their turns, milliseconds. */
export const sliceMs = 10;

/**
 * So many turns of the event loop they get then, each of which takes in one new connection; but no more of them once they have
 * had so long, milliseconds: what is long gets a ninth of the time at least.
 */
export const restTurns = 32;
export const maxRestMs = 80;

/** A body over this is parsed in slices, bytes; up to it, JSON.parse and the checks hold the event loop for 50 ms at worst. */
export const slicedBodyBytes = 384 * 1024;

/** Of bodies over this only {@link largeBodySlots} are in memory at once; an answer of Prometheus is parsed in slices, bytes. */
export const largeBodyBytes = 1024 * 1024;
export const largeBodySlots = 2;

/** A body over this waits for a slice of its own before it is worked on, bytes. */
export const longBodyBytes = 64 * 1024;

/** File descriptors kept for everything but connections: files, the way to Prometheus and to the API server. */
export const reservedFileDescriptors = 128;

/** Lines about pipelines of a cluster that came, went or changed that are written at info in one second; the rest is at debug, and counted. */
export const pipelineLinesPerSecond = 50;

/** The configuration is reloaded at most so often, however many ask for it, milliseconds. */
export const minReloadIntervalMs = 200;

/** Most invalid alerts of one batch that are named in the answer and in the log. */
export const maxNamedProblems = 100;

/**
 * What all silences may take together, their compiled regular expressions included, by estimate, bytes. Over it those that have ended
 * are forgotten, and if that is not enough a new one is a 400.
 */
export const silencesMemoryBytes = 64 * 1024 * 1024;

/** Silences that ended and gave up their place to others are told of in one line in this time, milliseconds. */
export const forgottenSilencesPeriodMs = 60_000;

/** What the regular expressions of all filters of one list may take together, in instructions; over it the list is a 400. */
export const filterInstructions = 8000;

/** A silence whose body or whose memory, by estimate, is over this is checked in slices of its own, one at a time, bytes. */
export const longSilenceBytes = 64 * 1024;

/** Most lists of alerts that are being answered at once; each holds a list of references, not the alerts. */
export const openLists = 16;

/** How much of a list is written at once, and so waits for a reader that does not read, UTF-16 code units. */
export const listChunkLength = 64 * 1024;

/** A reader that reads nothing for so long is ended as soon as another one waits for its place, milliseconds. */
export const slowReaderMs = 1000;

/** Passwords that wait to be hashed, one at a time; over it whoever has had most turns is answered 429. */
export const maxPasswordChecks = 64;

/** Addresses, users and connections, each, whose turns in vain are remembered; and when they are half forgotten, milliseconds. */
export const maxPasswordAccounts = 4096;
export const passwordTurnHalfLifeMs = 30_000;

/** After so many passwords in vain an address waits for each further refusal: the first of these, twice as long each time, up to the second, milliseconds. */
export const freePasswordFailures = 3;
export const minRefusalDelayMs = 250;
export const maxRefusalDelayMs = 2000;

/** Refusals that wait so at once; a further one is given without delay. */
export const maxDelayedRefusals = 1024;

/** Lines about requests without a good password or token that are written in one second. */
export const unauthorizedLinesPerSecond = 10;

/** Of a request that is refused at the door, so much of the body is read and dropped to keep the connection, bytes. */
export const drainedBodyBytes = 256 * 1024;

/** A file of configuration or of credentials that is larger is not read, bytes: it is another file, given by mistake. */
export const configurationFileBytes = 1024 * 1024;

/** What such a file in YAML may hold of words and signs (tokens of YAML): to parse so many holds the event loop for 100 ms. */
export const configurationTokens = 20_000;

/** The same of a kubeconfig: some five hundred clusters, each with a context and a user. */
export const kubeConfigTokens = 50_000;

/** One document of a manifest, or one status file, may be this large, bytes: as large as etcd takes an object. */
export const objectBytes = 1.5 * 1024 * 1024;

/** What one document of a manifest, and one file of them, may hold of words and signs (tokens of YAML): of each an object may be made. */
export const documentTokens = 250_000;
export const manifestTokens = 1_000_000;

/** What a file of manifests may have, bytes and documents. */
export const manifestBytes = 8 * 1024 * 1024;
export const manifestDocuments = 10_000;

/** A manifest up to this is parsed at once, UTF-16 code units: that takes 50 ms at worst. A larger one, or one with anchors, has a thread. */
export const shortManifestLength = 16 * 1024;

/** What that thread may have of memory, MiB; and of time for one document, milliseconds. */
export const manifestHeapMiB = 192;
export const manifestDeadlineMs = 10_000;

/** The file of the silences is not read if it is larger, bytes: what all silences may take gives a fraction of that. */
export const silenceLogBytes = 256 * 1024 * 1024;

/** How often the web configuration, and each file that it names, is looked at for a change, milliseconds. */
export const webConfigCheckMs = 1000;

/** How often a web configuration that was refused is tried again though its files look the same, milliseconds. */
export const webConfigRetryMs = 10_000;

/** The longest answer of the API server, and line of a watch, that is read, bytes; and the longest page of a list with more than one object. */
export const apiAnswerBytes = 64 * 1024 * 1024;
export const apiPageBytes = 16 * 1024 * 1024;

/** What of one object of the API server may be kept, by estimate, bytes: over it the object is left out. */
export const apiObjectBytes = 256 * 1024;

/** What all watched objects may take together, by estimate, bytes: over it further ones are left out. */
export const apiObjectsBytes = 64 * 1024 * 1024;

/** What may be kept of what stands around the objects of an answer, such as the token of a list's next page, bytes. */
export const apiEnvelopeBytes = 64 * 1024;

/** Lines about objects that are left out, for each resource, that are written at warn in one second. */
export const leftOutLinesPerSecond = 5;
