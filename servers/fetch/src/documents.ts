// Turns what came from a host into text, and keeps the latest, so that the next page of a long document
// is not converted again.
import { createHash } from 'node:crypto';
import { ToolError, type CallContext } from '@drawbridge/kit';
import { LRUCache } from 'lru-cache';
import { decodeText } from './charset.ts';
import { parseContentType, toContentKind } from './content-kind.ts';
import type { DocumentText, TextFormat } from './conversion/job.ts';
import type { Converter } from './converter.ts';
import { toPartition, type Retrieved } from './retrieve.ts';

const KEPT_CHARACTERS = 16_000_000;
const KEPT_MS = 10 * 60 * 1000;

export interface ToTextOptions {
  context: Pick<CallContext, 'caller' | 'signal'>;
  format: TextFormat | 'raw';
  full: boolean;
}

export interface Documents {
  /** @throws ToolError */
  toText(page: Retrieved, hash: string, options: ToTextOptions): Promise<DocumentText>;
}

export function toHash(body: Uint8Array): string {
  return createHash('sha256').update(body).digest('hex');
}

function toRaw({ headers, body }: Retrieved): DocumentText {
  const { type, charset: declared } = parseContentType(headers['content-type']);
  const kind = toContentKind(type, body);
  if (kind === 'binary' || kind === 'pdf' || kind === 'docx')
    return {
      text: Buffer.from(body).toString('base64'),
      title: '',
      charset: 'base64',
      isCut: false,
    };
  const isMarkup = kind === 'html' || kind === 'xml';
  return { ...decodeText(body, { declared, isMarkup }), title: '', isCut: false };
}

export function createDocuments(converter: Converter): Documents {
  const kept = new LRUCache<string, DocumentText>({
    maxSize: KEPT_CHARACTERS,
    sizeCalculation: ({ text, title }) => text.length + title.length + 500,
    ttl: KEPT_MS,
  });
  return {
    async toText(page, hash, { context, format, full }) {
      if (format === 'raw') return toRaw(page);
      const { headers, body, url } = page;
      const { type, charset } = parseContentType(headers['content-type']);
      const kind = toContentKind(type, body);
      if (kind === 'binary') {
        throw new ToolError(
          `The content is of the type ${JSON.stringify(type)}, which has no text.`,
          {
            allowed: 'HTML, PDF, DOCX, JSON, XML and plain text',
            hint: 'format "raw" for its bytes in base64',
          },
        );
      }
      const member = toPartition(context.caller);
      const key = JSON.stringify([member, url, hash, type, charset, format, full]);
      const known = kept.get(key);
      if (known !== undefined) return known;
      const text = await converter.convert(
        { task: 'text', kind, format, full, url, charset, bytes: body },
        { member, signal: context.signal },
      );
      if (!/no-store/i.test(headers['cache-control'] ?? '')) kept.set(key, text);
      return text;
    },
  };
}
