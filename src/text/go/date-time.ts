const msPerDay = 86_400_000;
const msPerMinute = 60_000;

/** 0001-01-01T00:00:00Z, the zero time of Go. */
const zeroTimeMs = -62_135_596_800_000;

/** 0000-01-01T00:00:00.000Z and 9999-12-31T23:59:59.999Z: the years that can be written with four digits. */
const firstWritableMs = -62_167_219_200_000;
const lastWritableMs = 253_402_300_799_999;

/** Days from 0000-01-01 to 1970-01-01. */
const epochDays = 719_528;
const daysBeforeMonth = [0, 31, 59, 90, 120, 151, 181, 212, 243, 273, 304, 334];

const hyphen = 0x2d;
const point = 0x2e;
const colon = 0x3a;
const capitalT = 0x54;

/** Stands for a missing digit. It is so small that a number of up to four digits with it is always negative. */
const notDigit = -10_000;

/** The parts that all layouts share: date, separator, hour, minute, second, fraction, zone. */
const dateTimePattern =
  /^(\d{4})-(\d\d)-(\d\d)(?:(T| +)(\d\d?):(\d\d)(?::(\d\d)(?:[.,]([+-]?\d+))?)?(Z|[+-]\d\d:?\d\d)?)?$/;

/**
 * Reads a date-time as Alertmanager 0.34 does. The result is in milliseconds since the Unix epoch, with a fraction; it is
 * undefined if Alertmanager refuses the text. `''` is 1970, as there. A double can hold microseconds but not nanoseconds; a
 * fraction is never rounded up to a whole millisecond, so {@link formatDateTime} cuts it off as Alertmanager does.
 *
 * The layouts are those of github.com/go-openapi/strfmt, time.go. Go's time.Parse accepts more than they show: an hour of one
 * digit, a comma for the point, a fraction where the layout has none, and several blanks between date and time.
 */
export function parseDateTime(text: string): number | undefined {
  const ms = text.length === 24 ? parseUsual(text) : NaN;
  if (!Number.isNaN(ms)) return ms;
  return text === '' ? 0 : parseAny(text);
}

/**
 * True for Go's zero time, which means "absent", in any notation. With a fraction of a second it is another time.
 * @param time a text, or the result of {@link parseDateTime}
 */
export function isZeroTime(time: string | number): boolean {
  return (typeof time === 'string' ? parseDateTime(time) : time) === zeroTimeMs;
}

/**
 * Writes a time as Alertmanager does, in UTC: `2026-11-21T03:08:54.829Z`. It cuts off what is less than a millisecond. An offset
 * can move a time a few hours out of the years 0000 to 9999; then the first or last moment of these is written.
 */
export function formatDateTime(ms: number): string {
  return new Date(Math.min(Math.max(Math.floor(ms), firstWritableMs), lastWritableMs)).toISOString();
}

/**
 * Reads the form that Prometheus sends, `2026-11-21T03:08:54.829Z`, without a regular expression and its strings. NaN for any
 * other form.
 */
function parseUsual(text: string): number {
  if (text.charCodeAt(4) !== hyphen || text.charCodeAt(7) !== hyphen || text.charCodeAt(10) !== capitalT) return NaN;
  if (text.charCodeAt(13) !== colon || text.charCodeAt(16) !== colon || !text.endsWith('Z')) return NaN;
  if (text.charCodeAt(19) !== point) return NaN;
  const year = twoDigits(text, 0) * 100 + twoDigits(text, 2);
  const ms = twoDigits(text, 20) * 10 + digit(text, 22);
  const day = dayMs(year, twoDigits(text, 5), twoDigits(text, 8));
  return ms < 0 ? NaN : day + clockMs(twoDigits(text, 11), twoDigits(text, 14), twoDigits(text, 17)) + ms;
}

function twoDigits(text: string, at: number): number {
  return digit(text, at) * 10 + digit(text, at + 1);
}

function digit(text: string, at: number): number {
  const value = text.charCodeAt(at) - 0x30;
  return value >= 0 && value <= 9 ? value : notDigit;
}

function parseAny(text: string): number | undefined {
  const match = dateTimePattern.exec(text);
  if (match === null) return undefined;
  const [, year, month, day, separator, hour = '0', minute = '0', second, fraction = '', zone] = match;
  if (separator !== undefined && !isLayout(separator, second, fraction, zone)) return undefined;
  const local =
    dayMs(Number(year), Number(month), Number(day)) + clockMs(Number(hour), Number(minute), Number(second ?? 0));
  const ms = addFraction(local - offsetMs(zone), fraction);
  return Number.isNaN(ms) ? undefined : ms;
}

/** True if one layout has all of these parts. */
function isLayout(separator: string, second?: string, fraction = '', zone?: string): boolean {
  if (separator !== 'T') return second !== undefined && zone === undefined && !isSigned(fraction);
  if (second === undefined) return zone === undefined || zone === 'Z';
  const exact = fraction.length === 3 || fraction.length === 6;
  // Go reads a fraction of exactly three or six characters as a number, so it accepts a sign there, but no negative number
  if (isSigned(fraction)) return exact && zone !== undefined && !(fraction.startsWith('-') && Number(fraction) !== 0);
  return exact || zone?.length !== '+hhmm'.length;
}

function isSigned(fraction: string): boolean {
  return fraction.startsWith('+') || fraction.startsWith('-');
}

/** Go accepts 24 hours and 60 minutes. */
function offsetMs(zone = 'Z'): number {
  if (zone === 'Z') return 0;
  const hours = Number(zone.slice(1, 3));
  const minutes = Number(zone.slice(-2));
  if (hours > 24 || minutes > 60) return NaN;
  return (zone.startsWith('-') ? -1 : 1) * (hours * 60 + minutes) * msPerMinute;
}

/**
 * Adds a fraction of a second; its first nine digits count. Adding it must neither lose the part below a millisecond nor round it
 * up to the next millisecond; where it would, the result is the nearest double with a fraction. So the zero time plus a
 * microsecond is not the zero time.
 */
function addFraction(ms: number, fraction: string): number {
  const nanoseconds = Number(fraction.replace(/^[+-]/, '0').slice(0, 9).padEnd(9, '0'));
  const whole = ms + Math.floor(nanoseconds / 1e6);
  const rest = (nanoseconds % 1e6) / 1e6;
  const sum = whole + rest;
  if (rest === 0 || !Number.isInteger(sum)) return sum;
  // between half and one and a half of the distance to the next double, so it leads to exactly that one
  const step = Math.abs(sum) * Number.EPSILON * 0.75;
  return sum === whole ? sum + step : sum - step;
}

/** Midnight UTC in milliseconds since the epoch; NaN if the day does not exist. The calendar is Gregorian throughout. */
function dayMs(year: number, month: number, day: number): number {
  if (year < 0 || month < 1 || month > 12 || day < 1 || day > daysIn(year, month)) return NaN;
  const leapYearsBefore = Math.ceil(year / 4) - Math.ceil(year / 100) + Math.ceil(year / 400);
  const leapDay = month > 2 && isLeap(year) ? 1 : 0;
  return (year * 365 + leapYearsBefore + daysBeforeMonth[month - 1]! + leapDay + day - 1 - epochDays) * msPerDay;
}

function daysIn(year: number, month: number): number {
  if (month === 2) return isLeap(year) ? 29 : 28;
  return month === 4 || month === 6 || month === 9 || month === 11 ? 30 : 31;
}

function isLeap(year: number): boolean {
  return year % 4 === 0 && (year % 100 !== 0 || year % 400 === 0);
}

/** Milliseconds since midnight; NaN if the time does not exist. A leap second is not accepted. */
function clockMs(hour: number, minute: number, second: number): number {
  if (hour < 0 || hour > 23 || minute < 0 || minute > 59 || second < 0 || second > 59) return NaN;
  return (hour * 60 + minute) * msPerMinute + second * 1000;
}
