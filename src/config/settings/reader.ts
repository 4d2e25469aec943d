import { showValue } from './show-value.ts';

/** Why a value is refused. */
export interface Refusal {
  /** What would be accepted, to follow the word "allowed:". */
  readonly allowed: string;
  /** The value that was probably meant. */
  readonly suggestion?: string | number | undefined;
  /** True if what was found may be a secret, and is not shown. */
  readonly secret?: boolean;
}

/** What became of a value found in a file or on the command line: the value as the program uses it, or a refusal. */
export type Reading<T> = { readonly value: T } | Refusal;

/** Reads one value. Never throws. */
export type Reader<T> = (found: unknown) => Reading<T>;

/** As `read`, for what may be a secret, if only by mistake: what is refused is not shown. */
export function unshown<T>(read: Reader<T>): Reader<T> {
  return (found) => {
    const reading = read(found);
    return 'value' in reading ? reading : { allowed: reading.allowed, secret: true };
  };
}

/** `found "16MB", did you mean "16MiB"? allowed: ...` */
export function describeRefusal(found: unknown, { allowed, suggestion, secret = false }: Refusal): string {
  return withSuggestion(`found ${secret ? '<secret>' : showValue(found)}`, suggestion, allowed);
}

/** `<problem>, did you mean "<suggestion>"? allowed: <allowed>` */
export function withSuggestion(problem: string, suggestion: string | number | undefined, allowed: string): string {
  const question = suggestion === undefined ? ',' : `, did you mean ${showValue(suggestion)}?`;
  return `${problem}${question} allowed: ${allowed}`;
}
