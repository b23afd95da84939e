// Reciprocal rank fusion (Cormack, Clarke and Buettcher 2009): rankings whose scores cannot be
// compared, such as BM25 and cosine, are put together by the places that each gives.

/** Softens the difference between the first places; the value of the paper. */
const RANK_CONSTANT = 60;

export interface FusedHit<Id> {
  id: Id;
  score: number;
}

export interface Ranking<Id> {
  /** The best first. */
  ids: readonly Id[];
  weight?: number;
}

/** The best first; what stands in more rankings, and higher, comes first. */
export function fuseRankings<Id>(rankings: readonly Ranking<Id>[]): FusedHit<Id>[] {
  const scores = new Map<Id, number>();
  for (const { ids, weight = 1 } of rankings) {
    for (const [place, id] of [...new Set(ids)].entries()) {
      scores.set(id, (scores.get(id) ?? 0) + weight / (RANK_CONSTANT + place + 1));
    }
  }
  return [...scores].map(([id, score]) => ({ id, score })).sort((a, b) => b.score - a.score);
}
