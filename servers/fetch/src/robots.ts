// Asks the robots.txt of an origin before its pages are requested, and remembers the answer for up to a
// day. One request serves all who wait for it. What can't be asked is not allowed (RFC 9309, 2.3.1.4).
import { ToolError } from '@drawbridge/kit';
import type { NetworkGuard } from '@drawbridge/network-guard';
import { LRUCache } from 'lru-cache';
import { toFreshness } from './freshness.ts';
import { ALLOW_ALL, parseRobots, type RobotsRules } from './robots-rules.ts';
import type { Settings } from './settings.ts';

const DAY_MS = 24 * 60 * 60 * 1000;
/** RFC 9309 says nothing of shorter times; an hour spares hosts that forbid caching. */
const LEAST_MS = 60 * 60 * 1000;
const FAILURE_MS = 60 * 1000;
const TIMEOUT_MS = 10_000;
const MAX_ORIGINS = 1000;

type Answer = { rules: RobotsRules } | { why: string };

export interface Robots {
  /** @throws ToolError when the URL may not be requested */
  assertAllowed(url: URL, signal: AbortSignal): Promise<RobotsRules>;
}

function untilAborted<T>(work: Promise<T>, signal: AbortSignal): Promise<T> {
  return new Promise((resolve, reject) => {
    const stop = () => reject(signal.reason);
    signal.addEventListener('abort', stop, { once: true });
    work.then(resolve, reject).finally(() => signal.removeEventListener('abort', stop));
  });
}

export function createRobots(
  guard: NetworkGuard,
  { ignoreRobots, userAgent }: Pick<Settings, 'ignoreRobots' | 'userAgent'>,
): Robots {
  const agent = /^[a-zA-Z_-]+/.exec(userAgent)?.[0] ?? userAgent;
  const answers = new LRUCache<string, Promise<Answer>>({ max: MAX_ORIGINS });

  const ask = async (origin: string): Promise<{ answer: Answer; ttl: number }> => {
    try {
      const { status, headers, body } = await guard.fetch(`${origin}/robots.txt`, {
        // Not the caller's: others wait for the same answer.
        signal: AbortSignal.timeout(TIMEOUT_MS),
        timeoutMs: TIMEOUT_MS,
        headers: { 'user-agent': userAgent },
      });
      if (status >= 500) return { answer: { why: `it answered ${status}` }, ttl: FAILURE_MS };
      const now = Date.now();
      const fresh = toFreshness(headers, { status: 200, requestedAt: now, receivedAt: now });
      const ttl = Math.min(Math.max(fresh.lifetimeMs, LEAST_MS), DAY_MS);
      const rules =
        status >= 200 && status < 300
          ? parseRobots(new TextDecoder().decode(body), agent)
          : ALLOW_ALL;
      return { answer: { rules }, ttl };
    } catch (error) {
      if (error instanceof ToolError) return { answer: { why: error.message }, ttl: FAILURE_MS };
      throw error;
    }
  };

  const answerOf = (origin: string): Promise<Answer> => {
    const known = answers.get(origin);
    if (known !== undefined) return known;
    const asking = ask(origin).then(
      ({ answer, ttl }) => {
        answers.set(origin, asking, { ttl });
        return answer;
      },
      (error: unknown) => {
        answers.delete(origin);
        throw error;
      },
    );
    answers.set(origin, asking, { ttl: TIMEOUT_MS * 2 });
    return asking;
  };

  return {
    async assertAllowed(url, signal) {
      if (ignoreRobots) return ALLOW_ALL;
      const answer = await untilAborted(answerOf(url.origin), signal);
      const shown = JSON.stringify(url.origin.slice(0, 200));
      if ('why' in answer) {
        throw new ToolError(
          `The robots.txt of ${shown} could not be read, so nothing there may be requested: ${answer.why}`,
          { hint: 'again in a minute, or another source of the same content' },
        );
      }
      const { rules } = answer;
      if (url.pathname !== '/robots.txt' && !rules.isAllowed(url.pathname + url.search)) {
        throw new ToolError(`The robots.txt of ${shown} does not allow this URL for "${agent}".`, {
          allowed: 'URLs that the robots.txt of their host allows',
          hint: 'another source of the same content, or ask the person to open the page',
        });
      }
      return rules;
    },
  };
}
