import type { Silence } from './silence.ts';

/** The changes of one request on their way into the storage. One of its methods is called, once. */
export interface SilenceWrite {
  /** The new versions, ended silences first: all of them are stored, or none. */
  readonly silences: readonly Silence[];
  /** They are stored durably. @param silences as they are stored, which may differ in the time of the change */
  stored(silences: readonly Silence[]): void;
  /** Somebody else has changed one of them, and this is known by now: the request has to be decided again. */
  outdated(): void;
  /** Nothing has changed. @param error tells the client why */
  failed(error: unknown): void;
}

/** Storage in which silences outlive the process. */
export interface SilenceStorage {
  /**
   * Resolves once each write has been told what became of it. Never rejects.
   * @param all all existing silences, the changes included
   */
  write(writes: readonly SilenceWrite[], all: () => Iterable<Silence>): Promise<void>;
  /** Notes the time up to which the log reports starts and ends of silences. Never rejects. */
  noteLogged(until: number): Promise<void>;
}

/** A log to which changes are appended. */
export interface AppendedLog extends Pick<SilenceStorage, 'noteLogged'> {
  /** Resolves once all of them are stored durably, each one whole; rejects with an error for the client if none is. */
  append(changes: readonly (readonly Silence[])[], all: () => Iterable<Silence>): Promise<void>;
}

/** Silences in a log that nobody else writes to. */
export class LoggedSilences implements SilenceStorage {
  readonly #log: AppendedLog;

  constructor(log: AppendedLog) {
    this.#log = log;
  }

  async write(writes: readonly SilenceWrite[], all: () => Iterable<Silence>): Promise<void> {
    try {
      await this.#log.append(
        writes.map(({ silences }) => silences),
        all,
      );
    } catch (error) {
      for (const write of writes) write.failed(error);
      return;
    }
    for (const write of writes) write.stored(write.silences);
  }

  noteLogged(until: number): Promise<void> {
    return this.#log.noteLogged(until);
  }
}
