// Says what an answer is, from its type and its first bytes. The type is believed unless it is missing,
// says nothing, or the bytes plainly contradict it.

export type ContentKind = 'html' | 'json' | 'xml' | 'text' | 'pdf' | 'docx' | 'binary';

const SNIFFED_BYTES = 4096;
const DOCX = 'application/vnd.openxmlformats-officedocument.wordprocessingml.document';
const TEXT_APPLICATIONS =
  /^application\/(?:(?:x-)?(?:javascript|ecmascript|typescript|sh|yaml|toml|sql|graphql|ndjson|tex|latex|perl|python|httpd-php|www-form-urlencoded)|jsonl|rtf)$/;
const UNKNOWN: ReadonlySet<string> = new Set([
  '',
  'application/octet-stream',
  'application/unknown',
  'application/zip',
  'application/x-zip-compressed',
  'binary/octet-stream',
  'unknown/unknown',
  '*/*',
]);

/** `type/subtype` in lower case, and the charset, of a `content-type`; neither when it is malformed. */
export function parseContentType(header: string | undefined): {
  type: string;
  charset: string | undefined;
} {
  const text = (header ?? '').slice(0, 500);
  // Repeated headers were joined with a comma: the first counts.
  const [, type = ''] =
    /^\s*([!#$&^_.+\-\w]{1,100}\/[!#$&^_.+\-\w]{1,100}|\*\/\*)\s*(?:[;,]|$)/.exec(text) ?? [];
  const [, charset] = /;\s{0,9}charset\s{0,9}=\s{0,9}["']?([\w.:-]{1,40})/i.exec(text) ?? [];
  return { type: type.toLowerCase(), charset };
}

/** Bytes that no text has (WHATWG MIME sniffing, "binary data byte"). */
function looksBinary(head: Buffer): boolean {
  const [a, b] = head;
  if ((a === 0xfe && b === 0xff) || (a === 0xff && b === 0xfe)) return false;
  return head.some(
    (byte) =>
      byte <= 0x08 ||
      byte === 0x0b ||
      (byte >= 0x0e && byte <= 0x1a) ||
      (byte >= 0x1c && byte <= 0x1f),
  );
}

function sniff(head: Buffer, body: Buffer): ContentKind {
  if (head.subarray(0, 1024).includes('%PDF-')) return 'pdf';
  if (head.subarray(0, 4).equals(Buffer.from('PK\u0003\u0004')))
    return body.includes('word/document.xml') ? 'docx' : 'binary';
  if (looksBinary(head)) return 'binary';
  const start = head
    .toString('latin1')
    .replace(/^(?:\u00ef\u00bb\u00bf)?\s*(?:<!--[^>]{0,2000}-->\s*)?/, '');
  if (/^<(?:!doctype html|html|head|body|title|script|meta)[\s>]/i.test(start)) return 'html';
  if (start.startsWith('<?xml')) return 'xml';
  return 'text';
}

export function toContentKind(type: string, bytes: Uint8Array): ContentKind {
  const body = Buffer.from(bytes.buffer, bytes.byteOffset, bytes.byteLength);
  const head = body.subarray(0, SNIFFED_BYTES);
  if (UNKNOWN.has(type)) return sniff(head, body);
  if (type === 'application/pdf' || type === 'application/x-pdf') return 'pdf';
  if (type === DOCX) return 'docx';
  if (type === 'text/html' || type === 'application/xhtml+xml')
    return head.subarray(0, 5).equals(Buffer.from('%PDF-')) ? 'pdf' : 'html';
  if (/^(?:application|text)\/(?:[\w.-]+\+)?json$/.test(type)) return 'json';
  if (/^(?:(?:application|text)\/xml|[\w.-]+\/[\w.-]+\+xml)$/.test(type)) return 'xml';
  if (type.startsWith('text/') || TEXT_APPLICATIONS.test(type)) {
    if (head.subarray(0, 5).equals(Buffer.from('%PDF-'))) return 'pdf';
    return looksBinary(head) ? 'binary' : 'text';
  }
  return 'binary';
}
