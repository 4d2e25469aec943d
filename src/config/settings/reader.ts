import { showValue } from './show-value.ts';

/** Why a value is refused. */
export interface Refusal {
  /** The values that would be accepted, worded to follow "allowed:". */
  readonly allowed: string;
  /** The probable intended value. */
  readonly suggestion?: string | number | undefined;
  /** True if the value that was found may be a secret, and is not shown. */
  readonly secret?: boolean;
}

/** The result for a value from a file or the command line: the value as the program uses it, or a refusal. */
export type Reading<T> = { readonly value: T } | Refusal;

/** Reads one value. Never throws. */
export type Reader<T> = (found: unknown) => Reading<T>;

/** Like `read`, for a value that may be a secret, even if only by mistake: a refused value is not shown. */
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
