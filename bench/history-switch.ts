import { History } from '../src/history/history.ts';
import { Payloads } from '../src/history/payloads.ts';

/**
 * Loaded into a Tocsin before it starts: SIGUSR2 switches the history off, as `retention: 0s` does, and on again. A reload would throw
 * the memory of the history away each time, and V8 the code of what is off for long. What is still to be written is written at once.
 */
let isOn = true;
const histories = new Set<History>();

const wants = History.prototype.wants;
History.prototype.wants = function wantsIfOn(this: History, event) {
  return isOn && wants.call(this, event);
};
const keep = History.prototype.keep;
History.prototype.keep = function keepIfOn(this: History, ...line) {
  histories.add(this);
  if (isOn) keep.apply(this, line);
};
const keepPayload = Payloads.prototype.keep;
Payloads.prototype.keep = function keepIfOn(this: Payloads, ...body) {
  if (isOn) keepPayload.apply(this, body);
};
process.on('SIGUSR2', () => {
  isOn = !isOn;
  for (const history of histories) void history.flush();
});
