// The sections of a Markdown text: a heading and what follows it, up to the next heading of its level.
import { ToolError, createFence } from '@drawbridge/kit';

interface Heading {
  level: number;
  title: string;
  at: number;
}

const MAX_LISTED = 50;

function listHeadings(markdown: string): Heading[] {
  const headings: Heading[] = [];
  let at = 0;
  let fence: string | undefined;
  for (const line of markdown.split('\n')) {
    const mark = /^ {0,3}(`{3,}|~{3,})/.exec(line)?.[1];
    if (mark !== undefined && fence === undefined) fence = mark;
    else if (mark !== undefined && fence !== undefined && mark.startsWith(fence)) fence = undefined;
    else if (fence === undefined) {
      const [, level, title] = /^(#{1,6}) (.*)$/.exec(line) ?? [];
      if (level !== undefined && title !== undefined)
        headings.push({ level: level.length, title, at });
    }
    at += line.length + 1;
  }
  return headings;
}

/** What a heading says, without its markup. */
function toPlain(title: string): string {
  return title
    .slice(0, 500)
    .replaceAll(/!?\[([^\]]*)\]\([^)]*\)/g, '$1')
    .replaceAll(/[^\p{L}\p{N}]+/gu, ' ')
    .trim()
    .toLowerCase();
}

/** @throws ToolError that lists the headings there are */
export function findSection(markdown: string, wanted: string): string {
  const headings = listHeadings(markdown);
  const plain = toPlain(wanted);
  const titles = headings.map(({ title }) => toPlain(title));
  const exact = titles.indexOf(plain);
  const index =
    exact >= 0 || plain === '' ? exact : titles.findIndex((title) => title.includes(plain));
  const found = headings[index];
  if (found === undefined) {
    const listed = headings.slice(0, MAX_LISTED).map(({ title }) => title.slice(0, 120));
    const more =
      headings.length > listed.length ? `\n(${headings.length - listed.length} more)` : '';
    throw new ToolError('The page has no such section.', {
      allowed:
        listed.length === 0
          ? 'no section; it has no headings'
          : `these headings\n${createFence().wrap(listed.join('\n') + more)}`,
    });
  }
  const next = headings.slice(index + 1).find(({ level }) => level <= found.level);
  return markdown.slice(found.at, next?.at).trim();
}
