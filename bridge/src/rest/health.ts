// Health routes, open without a key: `/live` (the process answers), `/health` (with version and uptime),
// `/ready` (each dependency by name). They show states, never settings or secrets.
import { Hono } from 'hono';
import { withTimeout } from '../bounded-wait.ts';
import { AWAY, hasPath, toMessage } from '../errors.ts';
import type { HttpEnv, HttpDeps } from '../edge/http/http-env.ts';

const CHECK_TIMEOUT_MS = 2_000;

export function createHealthRoutes({
  checks,
  upstreams,
  version,
  isStopping,
}: Pick<HttpDeps, 'checks' | 'upstreams' | 'version' | 'isStopping'>): Hono<HttpEnv> {
  const app = new Hono<HttpEnv>();
  app.get('/live', (c) => c.json({ status: 'ok' }));
  app.get('/health', (c) => {
    const uptimeSeconds = Math.round(process.uptime());
    return isStopping()
      ? c.json({ status: 'stopping', version, uptimeSeconds }, 503)
      : c.json({ status: 'ok', version, uptimeSeconds });
  });
  app.get('/ready', async (c) => {
    if (isStopping()) return c.json({ status: 'stopping' }, 503);
    const dependencies = Object.fromEntries(
      await Promise.all(
        checks.map(async ({ name, check }) => [name, await answer(check)] as const),
      ),
    );
    const isReady = Object.values(dependencies).every(({ status }) => status === 'ok');
    const servers = Object.fromEntries(upstreams.status().map(({ name, state }) => [name, state]));
    return c.json(
      { status: isReady ? 'ok' : 'unavailable', dependencies, servers },
      isReady ? 200 : 503,
    );
  });
  return app;
}

async function answer(
  check: () => Promise<string>,
): Promise<{ status: 'ok' | 'failed'; detail: string }> {
  try {
    return { status: 'ok', detail: toOpen(await withTimeout(check(), CHECK_TIMEOUT_MS)) };
  } catch (error) {
    return { status: 'failed', detail: toOpen(toMessage(error)) };
  }
}

/** Without paths of this machine, since whoever asks has sent no key. */
function toOpen(detail: string): string {
  return hasPath(detail) ? AWAY : detail;
}
