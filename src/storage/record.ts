import { crc32 } from 'node:zlib';

/**
 * A record is one line: the CRC-32 of its JSON in eight hexadecimal digits, the length of its JSON in bytes, its JSON. By
 * the length the next record is found even if the line's end is damaged; by the line's end, if the length is.
 */
export function encodeRecord(value: unknown): Buffer {
  const json = Buffer.from(JSON.stringify(value));
  return Buffer.concat([Buffer.from(`${checksum(json)} ${json.length} `), json, Buffer.from('\n')]);
}

/** What is in a file of records. */
export interface FoundRecords {
  /** The readable ones, in order. */
  readonly values: readonly unknown[];
  /** Where the last readable record ends, its line's end included; undefined if that is missing. */
  readonly goodBytes: number | undefined;
  /** Bytes that belong to no readable record, the cut off tail not counted. */
  readonly damagedBytes: number;
  /** Bytes after the last line's end: a record that was never written whole, as when the process is killed. */
  readonly cutOffBytes: number;
}

const newline = 0x0a;
const header = /^([0-9a-f]{8}) (\d{1,9}) /;
const longestHeader = 19;

/** Reads what is readable of a file, whatever happened to it: a damaged byte costs the record that it is in, and no other. */
export function readRecords(bytes: Buffer): FoundRecords {
  const values: unknown[] = [];
  let damagedBytes = 0;
  let goodBytes: number | undefined = 0;
  let at = 0;
  while (at < bytes.length) {
    const record = readRecord(bytes, at);
    const lineEnd = bytes.indexOf(newline, at);
    if (record === undefined && lineEnd < 0) break;
    if (record === undefined) {
      damagedBytes += lineEnd + 1 - at;
      at = lineEnd + 1;
      continue;
    }
    values.push(record.value);
    if (bytes[record.end] !== newline && record.end < bytes.length) damagedBytes++;
    at = record.end + 1;
    goodBytes = at > bytes.length ? undefined : at;
  }
  return { values, goodBytes, damagedBytes, cutOffBytes: Math.max(0, bytes.length - at) };
}

interface Found {
  readonly value: unknown;
  /** Where its line's end should be. */
  readonly end: number;
}

function readRecord(bytes: Buffer, at: number): Found | undefined {
  const match = header.exec(bytes.toString('latin1', at, at + longestHeader));
  if (match === null) return undefined;
  const start = at + match[0].length;
  const end = start + Number(match[2]);
  const json = bytes.subarray(start, end);
  if (end > bytes.length || checksum(json) !== match[1]) return undefined;
  return { value: JSON.parse(json.toString()) as unknown, end };
}

function checksum(bytes: Buffer): string {
  return crc32(bytes).toString(16).padStart(8, '0');
}
