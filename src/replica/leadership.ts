/**
 * Whether this process may write to the cluster. Whoever writes asks right before the write, each time: a belief that was read
 * earlier may be old, because a process can be paused between two lines.
 */
export interface Leadership {
  /** Compares the clock with the last renewal at each read, so it turns false by itself, without a timer. */
  readonly isLeading: boolean;
  /** `leaseTransitions` of the lease: a term has one leader, and a later term has a higher number. 0 while nobody is known to lead. */
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
