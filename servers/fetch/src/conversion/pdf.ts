// The text of a PDF, page by page.
import { ToolError } from '@drawbridge/kit';
import { getDocumentProxy } from 'unpdf';

const MAX_PAGES = 2000;
const MAX_CHARACTERS = 4_000_000;

/** @throws ToolError when it is damaged, locked or has no text */
export async function toPdfText(
  bytes: Uint8Array,
  format: 'markdown' | 'text',
): Promise<{ text: string; title: string; pages: number; isCut: boolean }> {
  const document = await getDocumentProxy(new Uint8Array(bytes), {
    isEvalSupported: false,
    verbosity: 0,
  }).catch((error: unknown) => {
    const isLocked = error instanceof Error && error.name === 'PasswordException';
    throw new ToolError(isLocked ? 'The PDF needs a password.' : 'The PDF is damaged.', {
      allowed: 'a whole PDF file without a password',
      cause: error,
    });
  });
  const { numPages } = document;
  const pages: string[] = [];
  let characters = 0;
  let number = 1;
  for (; number <= Math.min(numPages, MAX_PAGES) && characters < MAX_CHARACTERS; number += 1) {
    const page = await document.getPage(number);
    const { items } = await page.getTextContent();
    const text = items
      .map((item) => ('str' in item ? `${item.str}${item.hasEOL ? '\n' : ''}` : ''))
      .join('')
      .trim();
    page.cleanup();
    characters += text.length;
    if (text !== '') pages.push(`${format === 'markdown' ? '## ' : ''}Page ${number}\n\n${text}`);
  }
  if (pages.length === 0) {
    throw new ToolError(`The PDF has ${numPages} pages and no text; its pages may be pictures.`, {
      hint: 'another source of the same content',
    });
  }
  const { info } = await document.getMetadata();
  const title = 'Title' in info && typeof info.Title === 'string' ? info.Title.slice(0, 1000) : '';
  return { text: pages.join('\n\n'), title, pages: numPages, isCut: number <= numPages };
}
