// Arrays in PostgreSQL's binary format, for statements that carry hundreds of rows as parameters.
// The driver would send them as text, with every quote and backslash of every JSON body escaped once
// more; here each value is copied once, as it is.
// Format: array_recv in PostgreSQL's src/backend/utils/adt/arrayfuncs.c.

/** Type OIDs from PostgreSQL's pg_type.dat; they never change. */
const elementTypes = {
  bytea: 17,
  int2: 21,
  int4: 23,
  text: 25,
  json: 114,
  float4: 700,
  timestamptz: 1184,
  uuid: 2950,
} as const;

const HEADER_BYTES = 20;
/** PostgreSQL counts time in microseconds from here. */
const EPOCH_MS = Date.UTC(2000, 0, 1);
const TWO_32 = 2 ** 32;

type Nullable<T> = readonly (T | null)[];

export function toInt2Array(values: readonly number[]): Buffer {
  return fixed(elementTypes.int2, 2, values, (buffer, value, at) => buffer.writeInt16BE(value, at));
}

export function toInt4Array(values: readonly number[]): Buffer {
  return fixed(elementTypes.int4, 4, values, (buffer, value, at) => buffer.writeInt32BE(value, at));
}

export function toFloat4Array(values: Nullable<number>): Buffer {
  return fixed(elementTypes.float4, 4, values, (buffer, value, at) =>
    buffer.writeFloatBE(value, at),
  );
}

/** Milliseconds since 1970, as `Date.now()` gives them. */
export function toTimestampArray(values: Nullable<number>): Buffer {
  return fixed(elementTypes.timestamptz, 8, values, (buffer, value, at) => {
    const micros = Math.round((value - EPOCH_MS) * 1_000);
    const high = Math.floor(micros / TWO_32);
    buffer.writeInt32BE(high, at);
    buffer.writeUInt32BE(micros - high * TWO_32, at + 4);
  });
}

export function toUuidArray(values: Nullable<string>): Buffer {
  return fixed(elementTypes.uuid, 16, values, (buffer, value, at) => {
    // A string that is not a UUID would shift every value after it.
    const written = buffer.write(value.replaceAll('-', ''), at, 16, 'hex');
    if (written !== 16) throw new TypeError(`Not a UUID: ${value}`);
  });
}

export function toTextArray(values: Nullable<string>, type: 'text' | 'json' = 'text'): Buffer {
  const lengths = values.map((value) => (value === null ? 0 : Buffer.byteLength(value)));
  const buffer = start(elementTypes[type], values, sum(lengths));
  let at = HEADER_BYTES;
  for (const [index, value] of values.entries()) {
    const length = lengths[index] ?? 0;
    at = buffer.writeInt32BE(value === null ? -1 : length, at);
    if (value !== null) at += buffer.write(value, at, length, 'utf8');
  }
  return finish(buffer, values);
}

export function toByteaArray(values: readonly Buffer[]): Buffer {
  const buffer = start(elementTypes.bytea, values, sum(values.map((value) => value.length)));
  let at = HEADER_BYTES;
  for (const value of values) {
    at = buffer.writeInt32BE(value.length, at);
    at += value.copy(buffer, at);
  }
  return finish(buffer, values);
}

function fixed<T>(
  type: number,
  size: number,
  values: Nullable<T>,
  write: (buffer: Buffer, value: T, at: number) => void,
): Buffer {
  const present = values.reduce<number>((count, value) => count + (value === null ? 0 : 1), 0);
  const buffer = start(type, values, present * size);
  let at = HEADER_BYTES;
  for (const value of values) {
    at = buffer.writeInt32BE(value === null ? -1 : size, at);
    if (value === null) continue;
    write(buffer, value, at);
    at += size;
  }
  return finish(buffer, values);
}

function start(type: number, values: Nullable<unknown>, bytes: number): Buffer {
  const buffer = Buffer.allocUnsafe(HEADER_BYTES + values.length * 4 + bytes);
  buffer.writeInt32BE(values.length === 0 ? 0 : 1, 0);
  buffer.writeInt32BE(values.includes(null) ? 1 : 0, 4);
  buffer.writeInt32BE(type, 8);
  buffer.writeInt32BE(values.length, 12);
  buffer.writeInt32BE(1, 16);
  return buffer;
}

/** An empty array has no dimensions, so its header ends before them. */
function finish(buffer: Buffer, values: Nullable<unknown>): Buffer {
  return values.length === 0 ? buffer.subarray(0, 12) : buffer;
}

function sum(numbers: readonly number[]): number {
  return numbers.reduce((total, value) => total + value, 0);
}
