/** Times as a person reads them. All arguments are milliseconds since the epoch. */

const second = 1000;
const minute = 60 * second;
const hour = 60 * minute;
const day = 24 * hour;

/** `just now`, `4 min ago`, `in 2 h`. */
export function ago(time: number, now: number): string {
  const passed = now - time;
  if (Math.abs(passed) < 1500) return 'just now';
  return passed > 0 ? `${span(passed)} ago` : `in ${span(-passed)}`;
}

/** A length of time in the largest unit that fits: `12 s`, `4 min`, `3 h`, `2 d`. */
export function span(ms: number): string {
  if (ms < second) return `${Math.round(ms)} ms`;
  if (ms < minute) return `${Math.floor(ms / second)} s`;
  if (ms < hour) return `${Math.floor(ms / minute)} min`;
  if (ms < day) {
    const minutes = Math.floor((ms % hour) / minute);
    return `${Math.floor(ms / hour)} h${minutes === 0 ? '' : ` ${minutes} min`}`;
  }
  const hours = Math.floor((ms % day) / hour);
  return `${Math.floor(ms / day)} d${hours === 0 ? '' : ` ${hours} h`}`;
}

const clockFormat = new Intl.DateTimeFormat('en-GB', { hour: '2-digit', minute: '2-digit', second: '2-digit' });
const dayFormat = new Intl.DateTimeFormat('en-GB', { day: 'numeric', month: 'short' });

/** The local time of day; of another day with its date. */
export function localTime(time: number, now: number): string {
  if (Number.isNaN(time)) return 'at an unknown time';
  const [clock, date] = [clockFormat.format(time), dayFormat.format(time)];
  return date === dayFormat.format(now) && Math.abs(now - time) < day ? clock : `${date} ${clock}`;
}

/** As the log has it. */
export function utcTime(time: number): string {
  if (Number.isNaN(time)) return '';
  return new Date(time)
    .toISOString()
    .replace('T', ' ')
    .replace(/\.\d+Z$/, ' UTC');
}
