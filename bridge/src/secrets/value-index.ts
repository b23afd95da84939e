// Finds many values in bytes at once, in time that grows with the text alone. Each value is at least
// six bytes long, so wherever it stands, one of its first three blocks of four bytes begins at a
// multiple of three; only those places are looked at.
import type { ValueForm } from './value-forms.ts';

const BLOCK = 4;
const STRIDE = 3;
const GOLDEN = 0x9e3779b1;
/**
 * Bytes that may be compared for each byte of a text. Only a text made of a value's beginning, over and
 * over, needs more; what looks like the value is then taken for it.
 */
const COMPARED_PER_BYTE = 16;

export type OnValue = (start: number, end: number) => void;

export interface ValueIndex {
  readonly isEmpty: boolean;
  /** Bytes of the longest value. */
  readonly longest: number;
  /** Tells places of values, in the order of their blocks; they may overlap. */
  find(bytes: Uint8Array, length: number, onValue: OnValue): void;
}

interface Entry {
  readonly form: ValueForm;
  /** Of the block within the value. */
  readonly offset: number;
}

export function createValueIndex(forms: readonly ValueForm[]): ValueIndex {
  const marks = new Uint8Array(65_536);
  const entries = new Map<number, Entry[]>();
  for (const form of forms) {
    for (let offset = 0; offset < STRIDE; offset += 1) {
      const block = form.bytes.readInt32LE(offset);
      marks[toMark(block)] = 1;
      const known = entries.get(block);
      if (known === undefined) entries.set(block, [{ form, offset }]);
      else known.push({ form, offset });
    }
  }
  return {
    isEmpty: forms.length === 0,
    longest: forms.reduce((longest, { bytes }) => Math.max(longest, bytes.length), 0),
    find(bytes, length, onValue) {
      let budget = length * COMPARED_PER_BYTE;
      for (let at = 0; at + BLOCK <= length; at += STRIDE) {
        const block = toBlock(bytes, at);
        if (marks[toMark(block)] === 0) continue;
        for (const { form, offset } of entries.get(block) ?? []) {
          const start = at - offset;
          const end = start + form.bytes.length;
          if (start < 0 || end > length) continue;
          const same = countSame(bytes, start, form.bytes, budget);
          budget -= same;
          if (same < form.bytes.length && budget > 0) continue;
          onValue(
            form.before > 0 && isBase64(bytes[start - 1]) ? start - 1 : start,
            form.after > 0 && end < length && isBase64(bytes[end]) ? end + 1 : end,
          );
        }
      }
    },
  };
}

/** Within the length, so the bytes are there. */
function toBlock(bytes: Uint8Array, at: number): number {
  return (
    (bytes[at] as number) |
    ((bytes[at + 1] as number) << 8) |
    ((bytes[at + 2] as number) << 16) |
    ((bytes[at + 3] as number) << 24)
  );
}

function toMark(block: number): number {
  return Math.imul(block, GOLDEN) >>> 16;
}

function countSame(bytes: Uint8Array, start: number, value: Buffer, most: number): number {
  let count = 0;
  while (count < value.length && count < most && bytes[start + count] === value[count]) count += 1;
  return count;
}

export function isBase64(byte: number | undefined): boolean {
  if (byte === undefined) return false;
  const isLetter = (byte | 32) >= 0x61 && (byte | 32) <= 0x7a;
  const isDigit = byte >= 0x30 && byte <= 0x39;
  return isLetter || isDigit || byte === 0x2b || byte === 0x2f || byte === 0x2d || byte === 0x5f;
}
