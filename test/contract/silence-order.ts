import assert from 'node:assert/strict';

/** A silence as a server lists it. */
export interface ListedSilence {
  readonly id: string;
  readonly startsAt: string;
  readonly endsAt: string;
  readonly matchers: readonly object[];
  readonly status: { readonly state: 'active' | 'pending' | 'expired' };
}

/** Active silences by their end, then pending ones by their start, then expired ones, the latest first. */
export function assertOrder(listed: readonly ListedSilence[]): void {
  const states = ['active', 'pending', 'expired'];
  const key = ({ status: { state }, startsAt, endsAt }: ListedSilence): number =>
    state === 'active' ? Date.parse(endsAt) : state === 'pending' ? Date.parse(startsAt) : -Date.parse(endsAt);
  for (const [index, silence] of listed.slice(1).entries()) {
    const before = listed[index]!;
    const [a, b] = [states.indexOf(before.status.state), states.indexOf(silence.status.state)];
    assert.ok(a < b || (a === b && key(before) <= key(silence)), `${before.id} stands before ${silence.id}`);
  }
}
