// Finds how text is encoded, as the HTML standard does: a byte order mark, the header, what the document
// says of itself; then UTF-8 if the bytes are, else windows-1252.
import { TextDecoder } from 'node:util';

const PRESCAN_BYTES = 4096;

export interface Decoded {
  text: string;
  charset: string;
}

function toDecoder(label: string | undefined): TextDecoder | undefined {
  if (label === undefined || label.length > 40) return undefined;
  try {
    return new TextDecoder(label.trim());
  } catch (error) {
    // A label that nobody knows counts as none.
    if (error instanceof RangeError) return undefined;
    throw error;
  }
}

function fromBom(bytes: Uint8Array): TextDecoder | undefined {
  const [a, b, c] = bytes;
  if (a === 0xef && b === 0xbb && c === 0xbf) return new TextDecoder('utf-8');
  if (a === 0xfe && b === 0xff) return new TextDecoder('utf-16be');
  if (a === 0xff && b === 0xfe) return new TextDecoder('utf-16le');
  return undefined;
}

/** What `<meta charset>`, its older form, or an XML declaration says. */
function fromDocument(bytes: Uint8Array): TextDecoder | undefined {
  const head = Buffer.from(bytes.subarray(0, PRESCAN_BYTES)).toString('latin1');
  const [, xml] =
    /^\s{0,99}<\?xml[^>]{0,200}?encoding\s{0,9}=\s{0,9}["']([\w.:-]{1,40})/.exec(head) ?? [];
  const [, html] =
    /<meta[^>]{0,500}?charset\s{0,9}=\s{0,9}["']?\s{0,9}([\w.:-]{1,40})/i.exec(head) ?? [];
  const label = html ?? xml;
  // The document could not have been read up to here if this were true.
  if (label !== undefined && /^utf-?16/i.test(label)) return new TextDecoder('utf-8');
  return toDecoder(label);
}

function isUtf8(bytes: Uint8Array): boolean {
  try {
    new TextDecoder('utf-8', { fatal: true }).decode(bytes);
    return true;
  } catch (error) {
    if (error instanceof TypeError) return false;
    throw error;
  }
}

/** 0x80 to 0x9f; the decoder of Node 20 takes this encoding for ISO 8859-1. */
const C1 = '€\u0081‚ƒ„…†‡ˆ‰Š‹Œ\u008dŽ\u008f\u0090‘’“”•–—˜™š›œ\u009džŸ';

function fromWindows1252(bytes: Uint8Array): string {
  return Buffer.from(bytes.buffer, bytes.byteOffset, bytes.byteLength)
    .toString('latin1')
    .replaceAll(/[\u0080-\u009f]/g, (c) => C1[c.charCodeAt(0) - 0x80] ?? c);
}

export interface CharsetOptions {
  /** Of the header `content-type`. */
  declared: string | undefined;
  /** Whether the document may say of itself how it is encoded: HTML and XML. */
  isMarkup: boolean;
}

export function decodeText(bytes: Uint8Array, { declared, isMarkup }: CharsetOptions): Decoded {
  const decoder =
    fromBom(bytes) ??
    toDecoder(declared) ??
    (isMarkup ? fromDocument(bytes) : undefined) ??
    new TextDecoder(isUtf8(bytes) ? 'utf-8' : 'windows-1252');
  const { encoding } = decoder;
  const text = encoding === 'windows-1252' ? fromWindows1252(bytes) : decoder.decode(bytes);
  return { text, charset: encoding };
}
