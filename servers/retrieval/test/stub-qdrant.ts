// A stub of Qdrant: the few requests that the adapter makes, answered from memory. It is no Qdrant.
import { sendJson, serve } from './harness.ts';

type Point = { id: number; vector: number[] };

function cosine(a: readonly number[], b: readonly number[]): number {
  const dot = a.reduce((sum, value, index) => sum + value * (b[index] ?? 0), 0);
  return dot / (Math.hypot(...a) * Math.hypot(...b));
}

export function startStubQdrant(): Promise<string> {
  const collections = new Map<string, { size: number; points: Map<number, Point> }>();
  return serve(({ method, path, body }, response) => {
    const ok = (result: unknown) => sendJson(response, { result, status: 'ok', time: 0 });
    const [, , name = '', ...rest] = path.split('/');
    const collection = collections.get(name);
    // The stub believes its only client.
    const given = (body ?? {}) as Record<string, never>;
    const action = `${method} ${rest.join('/')}`;
    if (action === 'GET exists') return ok({ exists: collection !== undefined });
    if (action === 'PUT ') {
      const { size } = given['vectors'] ?? { size: 0 };
      collections.set(name, { size, points: new Map() });
      return ok(true);
    }
    if (collection === undefined) {
      return sendJson(response, { status: { error: 'no collection' } }, 404);
    }
    const { size, points } = collection;
    switch (action) {
      case 'GET ':
        return ok({ config: { params: { vectors: { size, distance: 'Cosine' } } } });
      case 'DELETE ':
        return ok(collections.delete(name));
      case 'PUT points': {
        const added: Point[] = given['points'] ?? [];
        for (const point of added) points.set(point.id, point);
        return ok({ status: 'completed' });
      }
      case 'POST points/delete': {
        const removed: number[] = given['points'] ?? [];
        for (const id of removed) points.delete(id);
        return ok({ status: 'completed' });
      }
      case 'POST points': {
        const ids: number[] = given['ids'] ?? [];
        return ok(ids.filter((id) => points.has(id)).map((id) => ({ id })));
      }
      case 'POST points/query': {
        const query: number[] = given['query'] ?? [];
        const scored = [...points.values()].map(({ id, vector }) => ({
          id,
          version: 0,
          score: cosine(query, vector),
        }));
        return ok({ points: scored.sort((a, b) => b.score - a.score).slice(0, given['limit']) });
      }
      case 'POST points/count':
        return ok({ count: points.size });
      default:
        return sendJson(response, { status: { error: action } }, 404);
    }
  });
}
