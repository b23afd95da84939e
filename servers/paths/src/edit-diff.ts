// The difference that an edit makes, as a unified diff. Only the lines around each change are
// compared: what an edit changes is known, and a file can be long.
import { limitText } from '@drawbridge/kit';

/** Offsets in a text, in UTF-16 units. */
export interface Passage {
  start: number;
  end: number;
}

export interface Change extends Passage {
  /** What stands in its place afterwards. */
  replacement: string;
}

const CONTEXT = 3;
const MAX_DIFF_BYTES = 128 * 1024;
/** Units of text around changes that lie together which are still compared. */
const MAX_COMPARED = 1024 * 1024;
const TIME_LIMIT_MS = 200;

/** Changes that lie so close together that they share a hunk, and the whole lines around them. */
interface Cluster extends Passage {
  changes: Change[];
}

function lineStart(text: string, at: number, linesBefore: number): number {
  let start = at === 0 ? 0 : text.lastIndexOf('\n', at - 1) + 1;
  for (let left = linesBefore; left > 0 && start > 0; left -= 1) {
    start = start === 1 ? 0 : text.lastIndexOf('\n', start - 2) + 1;
  }
  return start;
}

function lineEnd(text: string, at: number, linesAfter: number): number {
  let end = at;
  for (let left = linesAfter + 1; left > 0 && end < text.length; left -= 1) {
    const newline = text.indexOf('\n', end);
    end = newline < 0 ? text.length : newline + 1;
  }
  return end;
}

function toClusters(text: string, changes: readonly Change[]): Cluster[] {
  const clusters: Cluster[] = [];
  for (const change of changes) {
    const start = lineStart(text, change.start, CONTEXT);
    const end = lineEnd(text, change.end, CONTEXT);
    const last = clusters.at(-1);
    if (last !== undefined && start <= last.end) {
      last.end = Math.max(last.end, end);
      last.changes.push(change);
    } else clusters.push({ start, end, changes: [change] });
  }
  return clusters;
}

function countLines(text: string): number {
  return text.split('\n').length - 1;
}

export async function toDiff(
  shown: string,
  text: string,
  changes: readonly Change[],
): Promise<string> {
  const { structuredPatch } = await import('diff');
  const parts = [`--- ${shown}\n+++ ${shown}\n`];
  let [bytes, from, line, shift] = [0, 0, 0, 0];
  for (const cluster of toClusters(text, changes)) {
    const before = text.slice(cluster.start, cluster.end);
    const after = applyChanges(text, cluster, cluster.changes);
    const isShort = before.length + after.length <= MAX_COMPARED && bytes <= MAX_DIFF_BYTES;
    const options = { context: CONTEXT, timeout: TIME_LIMIT_MS };
    const patch = isShort
      ? structuredPatch('', '', before, after, undefined, undefined, options)
      : undefined;
    if (patch === undefined) {
      parts.push('[The rest of the difference is too large to show.]');
      break;
    }
    line += countLines(text.slice(from, cluster.start));
    from = cluster.start;
    for (const hunk of patch.hunks) {
      const { oldLines, newLines } = hunk;
      // An empty side is counted from the line before it.
      const oldStart = hunk.oldStart + line - (oldLines === 0 ? 1 : 0);
      const newStart = hunk.newStart + line + shift - (newLines === 0 ? 1 : 0);
      const sides = `-${oldStart},${oldLines} +${newStart},${newLines}`;
      const piece = `@@ ${sides} @@\n${hunk.lines.join('\n')}\n`;
      bytes += Buffer.byteLength(piece);
      parts.push(piece);
    }
    shift += countLines(after) - countLines(before);
  }
  const { text: diff, cut } = limitText(parts.join(''), MAX_DIFF_BYTES);
  return cut ? `${diff}\n[Cut here. Read the file to see the whole change.]` : diff;
}

/** The text of `within`, changed. */
export function applyChanges(text: string, within: Passage, changes: readonly Change[]): string {
  const parts: string[] = [];
  let at = within.start;
  for (const { start, end, replacement } of changes) {
    parts.push(text.slice(at, start), replacement);
    at = end;
  }
  parts.push(text.slice(at, within.end));
  return parts.join('');
}
