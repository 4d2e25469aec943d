/** A generator that does a part of its work per step, so that whoever drives it can let others run in between. */
export type Sliced<T> = Generator<undefined, T>;
