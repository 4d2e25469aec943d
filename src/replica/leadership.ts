/**
 * Whether this process may write to the cluster. Whoever writes asks right before the write, each time: a belief that was read
 * earlier may be old, because a process can be paused between two lines.
 */
export interface Leadership {
  /** Compares the clock with the last renewal at each read, so it turns false by itself, without a timer. */
  readonly isLeading: boolean;
  /** `leaseTransitions` of the lease: a term has one leader; {@link isLaterTerm} says which of two is later. 0 while nobody is known to lead. */
  readonly term: number;
  /** The holder's name as the lease told it last, `''` while nobody is known to lead. */
  readonly leader: string;
  /** Calls `listener` after each change of the three above that is noticed. Returns what ends that. */
  onChange(listener: () => void): () => void;
}

/** Standalone, and one replica: nobody else is there who could lead. */
export const alwaysLeads: Leadership = {
  isLeading: true,
  term: 0,
  leader: '',
  onChange: () => () => undefined,
};

/** The last term: the API keeps the number in 31 bits. */
const lastTerm = 2 ** 31 - 1;
/** A term that is ahead by more is no later one: somebody has edited the lease by hand. */
const maxAhead = 2 ** 30;

/** The last term is followed by the first one, so that an edit by hand cannot end all elections. */
export function nextTerm(term: number): number {
  return term >= lastTerm ? 1 : term + 1;
}

/** @param than 0: every term is later */
export function isLaterTerm(term: number, than: number): boolean {
  if (than === 0) return term > 0;
  const ahead = (term - than) & lastTerm;
  return term > 0 && ahead > 0 && ahead < maxAhead;
}
