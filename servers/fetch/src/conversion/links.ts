// The links of a page, in its order, each address once.
import { readHtml } from './html-events.ts';
import { toAbsolute } from './html-page.ts';

export interface Link {
  url: string;
  text: string;
  rel: string;
  isInternal: boolean;
}

const MAX_LINKS = 20_000;
const MAX_TEXT = 300;

function isShown(rel: string): string {
  return /^[a-z][a-z -]{0,98}$/.test(rel) ? rel : '';
}

export function findLinks(html: string, url: string): { links: Link[]; isCut: boolean } {
  const links = new Map<string, Link>();
  const { host } = new URL(url);
  let base = url;
  let current: Link | undefined;
  let unseen = 0;
  let isCut = false;
  const isUnseen = (name: string) => name === 'script' || name === 'style' || name === 'svg';
  readHtml(html, {
    open(name, attributes) {
      if (isUnseen(name)) unseen += 1;
      if (name === 'base') base = toAbsolute(attributes.get('href'), url) ?? base;
      if (name === 'img' && current !== undefined)
        current.text += attributes.get('alt')?.slice(0, MAX_TEXT) ?? '';
      if (name !== 'a' && name !== 'area') return;
      const target = toAbsolute(attributes.get('href'), base);
      if (target === undefined || !target.startsWith('http')) return;
      const known = links.get(target);
      if (known === undefined && links.size >= MAX_LINKS) {
        isCut = true;
        return;
      }
      const link = known ?? {
        url: target,
        text: attributes.get('alt')?.slice(0, MAX_TEXT) ?? '',
        rel: isShown((attributes.get('rel') ?? '').toLowerCase().trim()),
        isInternal: new URL(target).host === host,
      };
      links.set(target, link);
      // The first text that an address has is its text.
      current = link.text.trim() === '' ? link : undefined;
    },
    close(name) {
      if (isUnseen(name)) unseen -= 1;
      if (name === 'a') current = undefined;
    },
    text(text) {
      if (unseen === 0 && current !== undefined && current.text.length < MAX_TEXT)
        current.text += text.slice(0, MAX_TEXT);
    },
  });
  const shown = [...links.values()].map((link) => ({
    ...link,
    text: link.text.replaceAll(/\s+/g, ' ').trim().slice(0, MAX_TEXT),
  }));
  return { links: shown, isCut };
}
