import type { Clock } from '../../runtime/clock.ts';
import { inSlices, type Slices } from '../../runtime/slices.ts';
import type { SilenceSink } from '../../silence/foreign-silences.ts';
import { SilenceError, type SilenceLimits } from '../../silence/silence-rules.ts';
import { silenceMemory } from '../../silence/silence-size.ts';
import { silenceState, type Silence } from '../../silence/silence.ts';
import { readSilenceObject, SilenceObjectError, type SilenceObject } from './silence-object.ts';

/** Why an object is no silence. */
interface NoSilence {
  readonly problem: string;
  /** It may become one once others have ended. */
  readonly isForRoom?: boolean;
  /** Nothing is kept of what it says. */
  readonly isLeftOut?: boolean;
}

/** An object, and what was made of it. */
export interface KnownSilence {
  readonly object: SilenceObject;
  readonly made: { readonly silence: Silence } | NoSilence;
}

/** What an object is: a silence, or why it is none. */
export async function makeSilence(
  object: SilenceObject,
  limits: SilenceLimits,
  slices: Slices,
): Promise<KnownSilence['made']> {
  try {
    return { silence: await inSlices(readSilenceObject(object, limits), slices) };
  } catch (error) {
    if (error instanceof SilenceError || error instanceof SilenceObjectError) return { problem: error.message };
    throw error;
  }
}

const idIsTaken = 'its name is the uid of another Silence, which has this id for the API: give it another name';

interface KnownSilencesOptions {
  readonly clock: Clock;
  readonly limits: () => SilenceLimits;
  /** Called when an object is no silence, once for each reason. */
  readonly onInvalid: (object: SilenceObject, problem: string) => void;
  /** Called when an object has to be read again, because another one is gone or has come. */
  readonly onLookAgain: (object: SilenceObject) => void;
}

/** The objects that are known, and which of them are silences. From {@link load} on, the sink is told of each change. */
export class KnownSilences {
  readonly #options: KnownSilencesOptions;
  readonly #known = new Map<string, KnownSilence>();
  /** The names of the known objects by their uids. */
  readonly #names = new Map<string, string>();
  /** Undefined until all have been read once. */
  #sink: SilenceSink | undefined;

  constructor(options: KnownSilencesOptions) {
    this.#options = options;
  }

  get isLoaded(): boolean {
    return this.#sink !== undefined;
  }

  /** The number of objects that are no silences. */
  get invalid(): number {
    let count = 0;
    for (const { made } of this.#known.values()) if ('problem' in made) count++;
    return count;
  }

  /** The number of objects of which nothing is kept. */
  get leftOut(): number {
    let count = 0;
    for (const { made } of this.#known.values()) if ('problem' in made && made.isLeftOut === true) count++;
    return count;
  }

  values(): Iterable<KnownSilence> {
    return this.#known.values();
  }

  named(name: string): KnownSilence | undefined {
    return this.#known.get(name);
  }

  /** The object that has this id for the API. */
  withId(id: string): KnownSilence | undefined {
    const known = this.#known.get(this.#names.get(id) ?? id);
    return known?.object.id === id ? known : this.#known.get(id);
  }

  /** True if memory has forgotten a silence, to make room or because it ended long ago. */
  isForgotten({ id }: SilenceObject): boolean {
    return this.#sink !== undefined && this.#sink.get(id) === undefined;
  }

  /** Gives all that have been read to the sink. */
  load(sink: SilenceSink): void {
    const toldUntil = new Map([...this.#known.values()].map(({ object }) => [object.id, toldUntilOf(object)]));
    const silences = this.#firstSilences();
    this.#sink = sink;
    sink.load({ silences, toldUntil: ({ id }) => toldUntil.get(id) ?? Number.NEGATIVE_INFINITY });
  }

  /** A version of an object was read. */
  accept({ object, made: found }: KnownSilence, before: KnownSilence | undefined): void {
    if (before !== undefined && before.object.uid !== object.uid) this.forget(before.object);
    const holder = this.#holderOf(object);
    const made = holder === undefined ? this.#judged(object, found) : { problem: idIsTaken };
    this.keep({ object, made });
    if ('silence' in made) {
      if (!this.#isLongOver(made.silence)) this.#sink?.acceptForeign(made.silence);
      return this.#lookAtNamesake(object);
    }
    const wasTold = before !== undefined && 'problem' in before.made && before.made.problem === made.problem;
    if (!wasTold) this.#options.onInvalid(object, made.problem);
    if (holder === undefined) this.#sink?.gone(object.id);
  }

  /** A version of an object is the newest, whose silence the sink gets otherwise. */
  keep(known: KnownSilence): void {
    this.#known.set(known.object.name, known);
    this.#names.set(known.object.uid, known.object.name);
  }

  /** An object is gone. */
  forget(object: SilenceObject): void {
    this.#known.delete(object.name);
    this.#names.delete(object.uid);
    if (this.#holderOf(object) !== undefined) return;
    this.#sink?.gone(object.id);
    this.#lookAtNamesake(object);
  }

  /** What Tocsin has made was judged before it was made, and is in force on every replica. */
  #judged(object: SilenceObject, made: KnownSilence['made']): KnownSilence['made'] {
    const sink = this.#sink;
    if (!('silence' in made) || object.isMadeByTocsin || sink === undefined) return made;
    const isExpired = silenceState(made.silence, this.#options.clock.now()) === 'expired';
    if (isExpired || sink.get(object.id) !== undefined) return made;
    return this.#problemOfRoom(made.silence, sink) ?? made;
  }

  #problemOfRoom(
    silence: Silence,
    { liveCount, liveBytes }: Pick<SilenceSink, 'liveCount' | 'liveBytes'>,
  ): NoSilence | undefined {
    const { maxSilences, maxMemoryBytes } = this.#options.limits();
    if (liveCount >= maxSilences)
      return { problem: SilenceError.tooMany(liveCount, maxSilences).message, isForRoom: true };
    if (liveBytes + silenceMemory(silence) <= maxMemoryBytes) return undefined;
    return { problem: SilenceError.noMemory(maxMemoryBytes).message, isForRoom: true };
  }

  /** What there is room for: first what Tocsin has made, then what is oldest, so that every replica chooses the same. */
  #firstSilences(): readonly Silence[] {
    const now = this.#options.clock.now();
    const room = { liveCount: 0, liveBytes: 0 };
    const silences: Silence[] = [];
    for (const { object, made } of [...this.#known.values()].toSorted(byAge)) {
      if (!('silence' in made)) continue;
      const { silence } = made;
      const isLive = silenceState(silence, now) !== 'expired';
      const problem = isLive && !object.isMadeByTocsin ? this.#problemOfRoom(silence, room) : undefined;
      if (problem !== undefined) this.#refuse(object, problem);
      else if (isLive || !this.#isLongOver(silence)) silences.push(silence);
      if (problem !== undefined || !isLive) continue;
      room.liveCount++;
      room.liveBytes += silenceMemory(silence);
    }
    return silences;
  }

  #refuse(object: SilenceObject, made: NoSilence): void {
    this.keep({ object, made });
    this.#options.onInvalid(object, made.problem);
  }

  /** Another object that has the id of this one. Nobody can choose a uid, so it is the name of the other one that is wrong. */
  #holderOf({ id, uid }: SilenceObject): SilenceObject | undefined {
    const known = id === uid ? undefined : this.#known.get(this.#names.get(id) ?? '');
    return known?.object.id === id ? known.object : undefined;
  }

  /** An object whose name is the uid of this one. */
  #lookAtNamesake({ id, uid }: SilenceObject): void {
    const namesake = id === uid ? this.#known.get(uid)?.object : undefined;
    if (namesake !== undefined && namesake.uid !== uid) this.#options.onLookAgain(namesake);
  }

  #isLongOver({ endsAt }: Silence): boolean {
    return endsAt + this.#options.limits().retentionMs <= this.#options.clock.now();
  }
}

/** The time up to which some leader has told of its starts and ends: it has written its status right after. */
function toldUntilOf({ status, generation, updatedAt, spec }: SilenceObject): number {
  if (status.observedGeneration !== generation) return updatedAt;
  if (status.state === 'Expired') return Number.POSITIVE_INFINITY;
  const { startsAt } = spec as { readonly startsAt?: unknown };
  const start = typeof startsAt === 'string' ? Date.parse(startsAt) : Number.NaN;
  return status.state === 'Active' && start > updatedAt ? start : updatedAt;
}

function byAge({ object: a }: KnownSilence, { object: b }: KnownSilence): number {
  const first = Number(b.isMadeByTocsin) - Number(a.isMadeByTocsin);
  return first || a.createdAt - b.createdAt || (a.uid < b.uid ? -1 : 1);
}
