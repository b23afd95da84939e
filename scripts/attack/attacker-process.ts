// The attacker, in a process of its own: what it costs itself is not the bridge's cost.
import { setMaxListeners } from 'node:events';
import { setTimeout as wait } from 'node:timers/promises';
import { attacks } from './attacks/all-attacks.ts';
import type { AttackerReport, AttackerTask } from './workers.ts';

/** From the end of the time until what was counted is told, whatever is still open. */
const END_MS = 2_000;

process.on('disconnect', () => process.exit(0));
process.once('message', (message) => void serve(message as AttackerTask)); // of workers.ts only
process.send?.({ isReady: true } satisfies AttackerReport);

async function serve({ name, mostSeconds, ...door }: AttackerTask): Promise<void> {
  const attack = attacks.find((attack) => attack.name === name);
  if (attack === undefined) throw new Error(`There is no attack ${name}.`);
  const counts: Record<string, number> = {};
  const count = (what: string, times = 1): void => {
    counts[what] = (counts[what] ?? 0) + times;
  };
  const over = new AbortController();
  setMaxListeners(0, over.signal);
  const ended = new Promise<void>((resolve) =>
    over.signal.addEventListener('abort', () => resolve(), { once: true }),
  );
  process.once('message', () => over.abort());
  // Also where nobody ends it.
  setTimeout(() => over.abort(), mostSeconds * 1_000).unref();
  let issue: string | undefined;
  try {
    await Promise.race([
      attack.run({ ...door, count, signal: over.signal }),
      ended.then(() => wait(END_MS)),
    ]);
  } catch (error) {
    issue = error instanceof Error ? (error.stack ?? error.message) : String(error);
  }
  const report: AttackerReport = { counts, ...(issue !== undefined && { issue }) };
  process.send?.(report, undefined, undefined, () => process.exit(0));
}
