// Content that needs no more than decoding: small enough to be done where the calls are served.
import { decodeText } from '../charset.ts';
import type { DocumentText, TextJob } from './job.ts';
import { prettyJson } from './json-text.ts';

const MAX_CHARACTERS = 8_000_000;

export function toPlainText({ kind, charset: declared, bytes }: TextJob): DocumentText {
  const isMarkup = kind === 'xml' || kind === 'html';
  const { text, charset } = decodeText(bytes, { declared, isMarkup });
  const shown = kind === 'json' ? prettyJson(text) : text.replaceAll('\r\n', '\n');
  return {
    text: shown.slice(0, MAX_CHARACTERS),
    title: '',
    charset,
    isCut: shown.length > MAX_CHARACTERS,
  };
}
