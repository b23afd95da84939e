// Which request an oversized line answers, read from its first and last bytes. The patterns anchor at
// the outer brace, so an "id" inside the result can't be taken for the message's own.

export type LineOwner =
  | { readonly kind: 'response'; readonly id: number | string }
  /** A request or notification of the server: answers nobody. */
  | { readonly kind: 'not_a_response' }
  | { readonly kind: 'unknown' };

const ID = String.raw`(-?\d+|"[^"\\]{0,128}")`;
const VERSION = String.raw`(?:"jsonrpc"\s*:\s*"2\.0"\s*,\s*)?`;
const HEAD_RESPONSE = new RegExp(
  String.raw`^\s*\{\s*${VERSION}"id"\s*:\s*${ID}\s*,\s*${VERSION}"(?:result|error)"\s*:`,
);
const HEAD_METHOD = new RegExp(
  String.raw`^\s*\{\s*${VERSION}(?:"id"\s*:\s*${ID}\s*,\s*)?"method"\s*:`,
);
const TAIL_ID = new RegExp(String.raw`[,{]\s*"id"\s*:\s*${ID}\s*\}\s*$`);
const TAIL_VERSION_AFTER_ID = new RegExp(
  String.raw`[,{]\s*"id"\s*:\s*${ID}\s*,\s*"jsonrpc"\s*:\s*"2\.0"\s*\}\s*$`,
);

export function toLineOwner(head: string, tail: string): LineOwner {
  if (HEAD_METHOD.test(head)) return { kind: 'not_a_response' };
  const id =
    HEAD_RESPONSE.exec(head)?.[1] ??
    TAIL_ID.exec(tail)?.[1] ??
    TAIL_VERSION_AFTER_ID.exec(tail)?.[1];
  if (id === undefined) return { kind: 'unknown' };
  return { kind: 'response', id: id.startsWith('"') ? id.slice(1, -1) : Number(id) };
}
