// Chooses what of a page is shown: its article by Readability, or the whole page where Readability would
// drop content or cannot cope. A page that has text never comes out empty.
import { Readability } from '@mozilla/readability';
import { parseHTML } from 'linkedom';
import { cleanHtml } from './clean-html.ts';
import { writeHtml, type Written } from './markdown.ts';

export type HtmlFormat = 'markdown' | 'text' | 'html';

export interface PageOptions {
  url: string;
  format: HtmlFormat;
  /** Everything, not the article alone. */
  full: boolean;
}

export interface PageText {
  text: string;
  title: string;
  mode: 'article' | 'page';
  isCut: boolean;
}

/** Readability and its document take time that grows faster than the page. */
const MAX_ELEMENTS = 30_000;
const MAX_DEPTH = 300;
const MAX_LENGTH = 3_000_000;
/** The least part of the page's main text that an article must have. */
const LEAST_PART = 0.6;

function findArticle(html: string): { title: string; content: string } | undefined {
  try {
    // linkedom takes the first element for the root.
    const { document } = parseHTML(
      /<html[\s>]/i.test(html) ? html : `<html><body>${html}</body></html>`,
    );
    const article = new Readability(document, { charThreshold: 200, keepClasses: true }).parse();
    if (!article?.content) return undefined;
    return { title: article.title ?? '', content: article.content };
  } catch (error) {
    // Pages that these packages cannot cope with are shown whole; the only loss is what surrounds the article.
    if (error instanceof Error) return undefined;
    throw error;
  }
}

function isWhole(article: Written, page: Written): boolean {
  return (
    article.textLength > 0 &&
    article.textLength >= page.mainLength * LEAST_PART &&
    article.solids >= page.solids
  );
}

export function toPageText(html: string, { url, format, full }: PageOptions): PageText {
  const written = format === 'html' ? 'text' : format;
  const page = writeHtml(html, { url, format: written });
  const { title, elements, depth, description } = page;
  const isModest = elements <= MAX_ELEMENTS && depth <= MAX_DEPTH && html.length <= MAX_LENGTH;
  const found = full || !isModest || page.textLength === 0 ? undefined : findArticle(html);
  if (found !== undefined) {
    const article = writeHtml(found.content, { url: page.base, format: written });
    if (isWhole(article, page)) {
      const text = format === 'html' ? cleanHtml(found.content, page.base).text : article.text;
      return { text, title: found.title || title, mode: 'article', isCut: article.isCut };
    }
  }
  if (format === 'html') {
    const { text, isCut } = cleanHtml(html, url);
    if (page.text !== '') return { text, title, mode: 'page', isCut };
  } else if (page.text !== '') return { text: page.text, title, mode: 'page', isCut: page.isCut };
  // Nothing is shown without scripts: what is there for readers without them, or the page's own summary.
  const hidden = writeHtml(html, { url, format: written, withHidden: true });
  return { text: hidden.text || description || title, title, mode: 'page', isCut: hidden.isCut };
}
