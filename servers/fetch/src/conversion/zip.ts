// Takes single files out of a zip archive. Nothing is unpacked that was not asked for, and no more of it
// than its limit, whatever the archive says of its sizes.
import { inflateRawSync } from 'node:zlib';
import { ToolError } from '@drawbridge/kit';

const END = 0x06054b50;
const ENTRY = 0x02014b50;
const LOCAL = 0x04034b50;
const MAX_ENTRIES = 10_000;
const MAX_COMMENT = 65_535;

function damaged(cause?: unknown): ToolError {
  return new ToolError('The document is damaged.', { allowed: 'a whole DOCX file', cause });
}

interface Entry {
  method: number;
  packed: number;
  at: number;
}

function listEntries(zip: Buffer): Map<string, Entry> {
  let end = zip.length - 22;
  const first = Math.max(0, end - MAX_COMMENT);
  while (end >= first && zip.readUInt32LE(end) !== END) end -= 1;
  if (end < first) throw damaged();
  const count = zip.readUInt16LE(end + 10);
  if (count > MAX_ENTRIES)
    throw new ToolError(`The document has ${count} parts.`, { allowed: `up to ${MAX_ENTRIES}` });
  const entries = new Map<string, Entry>();
  let at = zip.readUInt32LE(end + 16);
  for (let index = 0; index < count; index += 1) {
    if (zip.readUInt32LE(at) !== ENTRY) throw damaged();
    const [nameLength, extra, comment] = [28, 30, 32].map((offset) =>
      zip.readUInt16LE(at + offset),
    ) as [number, number, number];
    const name = zip.toString('utf8', at + 46, at + 46 + nameLength);
    if (!entries.has(name))
      entries.set(name, {
        method: zip.readUInt16LE(at + 10),
        packed: zip.readUInt32LE(at + 20),
        at: zip.readUInt32LE(at + 42),
      });
    at += 46 + nameLength + extra + comment;
  }
  return entries;
}

/** A function that unpacks a file by its name; nothing when there is none. @throws ToolError */
export function openZip(bytes: Uint8Array, maxBytes: number): (name: string) => Buffer | undefined {
  const zip = Buffer.from(bytes.buffer, bytes.byteOffset, bytes.byteLength);
  const guarded = <T>(work: () => T): T => {
    try {
      return work();
    } catch (error) {
      if (error instanceof ToolError) throw error;
      if (error instanceof RangeError && 'code' in error && error.code === 'ERR_BUFFER_TOO_LARGE')
        throw new ToolError('The document is too large unpacked.', {
          allowed: `up to ${maxBytes} bytes`,
          cause: error,
        });
      throw damaged(error);
    }
  };
  const entries = guarded(() => listEntries(zip));
  return (name) => {
    const entry = entries.get(name);
    if (entry === undefined) return undefined;
    return guarded(() => {
      const { at, method, packed } = entry;
      if (zip.readUInt32LE(at) !== LOCAL) throw damaged();
      const start = at + 30 + zip.readUInt16LE(at + 26) + zip.readUInt16LE(at + 28);
      const content = zip.subarray(start, start + packed);
      if (method === 8) return inflateRawSync(content, { maxOutputLength: maxBytes });
      if (method !== 0) throw damaged();
      return content;
    });
  };
}
