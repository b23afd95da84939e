// Text in pieces that are short enough to be ranked and embedded one by one. Pieces are whole lines,
// end where the text has a gap if there is one, and share a few lines, so that what stands on a
// border is found from either side.

export interface Chunk {
  /** First and last line, from 1. */
  start: number;
  end: number;
}

export interface ChunkOptions {
  /** Most lines of one piece. */
  lines: number;
  /** Most characters of one piece; a single longer line is a piece of its own. */
  characters: number;
  /** Lines that a piece shares with the one before. */
  overlap: number;
}

const USUAL: ChunkOptions = { lines: 60, characters: 6_000, overlap: 4 };

/** Pieces of `lines`, numbered from `first`. */
export function toChunks(
  lines: readonly string[],
  first = 1,
  { lines: most, characters, overlap }: ChunkOptions = USUAL,
): Chunk[] {
  const chunks: Chunk[] = [];
  let from = 0;
  while (from < lines.length) {
    let [to, size] = [from, 0];
    while (to < lines.length && to - from < most) {
      size += (lines[to]?.length ?? 0) + 1;
      if (size > characters && to > from) break;
      to += 1;
    }
    if (to < lines.length) {
      // An empty line in the second half is a better end.
      for (let at = to; at > from + (to - from) / 2; at -= 1) {
        if (lines[at - 1]?.trim() !== '') continue;
        to = at;
        break;
      }
    }
    if (lines.slice(from, to).some((line) => line.trim() !== '')) {
      chunks.push({ start: first + from, end: first + to - 1 });
    }
    if (to >= lines.length) break;
    from = Math.max(to - overlap, from + 1);
  }
  return chunks;
}
