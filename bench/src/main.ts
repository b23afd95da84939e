// `npm run bench`: what a call costs through Drawbridge, side by side with other ways to the same
// server, and what the bridge's own HTTP does. It measures; it never fails for a figure.
import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { type Cell, measureCalls } from './calls-part.ts';
import { listContenders, OURS, OURS_WRITING } from './contenders/index.ts';
import { measureFacade } from './facade-part.ts';
import { createLifetime, type Lifetime } from './lifetime.ts';
import { createLoadProcess } from './load/load-process.ts';
import { describeMachine } from './machine.ts';
import { type Options, parseOptions, USAGE } from './options.ts';
import { describe, toReport } from './report.ts';
import type { Results } from './results.ts';
import { createStage } from './stage.ts';

const cells: readonly Cell[] = (['small', 'large'] as const).flatMap((tool) =>
  [1, 32, 128].map((callers) => ({ tool, callers })),
);
const signals = { SIGINT: 130, SIGTERM: 143, SIGHUP: 129 } as const;

async function main(): Promise<void> {
  const options = parseOptions(process.argv.slice(2), { folder: tmpdir() });
  if (options === undefined) {
    console.log(USAGE);
    return;
  }
  const lifetime = createLifetime();
  const interrupt = new AbortController();
  const interrupted = new Promise<never>((_, reject) => {
    for (const [signal, code] of Object.entries(signals)) {
      process.once(signal, () => {
        interrupt.abort();
        process.exitCode = code;
        reject(new Error('Interrupted; everything that was started is being ended.'));
      });
    }
  });
  // What fails after an interruption fails because of it.
  const say = (line: string): void => {
    if (!interrupt.signal.aborted) console.error(line);
  };
  try {
    const results = await Promise.race([measure(options, { lifetime, say }), interrupted]);
    console.log(`\n${toReport(results)}`);
    if (options.json !== undefined) {
      await writeFile(options.json, `${JSON.stringify(results, undefined, 2)}\n`);
    }
  } finally {
    await lifetime.close();
  }
}

async function measure(
  options: Options,
  { lifetime, say }: { readonly lifetime: Lifetime; readonly say: (line: string) => void },
): Promise<Results> {
  const { beside, only, parts, rounds, starts, warmupMs, measureMs, streamCalls } = options;
  const folder = await mkdtemp(join(options.folder, 'drawbridge-bench-'));
  lifetime.add(() => rm(folder, { recursive: true, force: true, maxRetries: 5 }));
  const machine = describeMachine(folder);
  say(describe(machine));
  const load = createLoadProcess();
  lifetime.add(load.close);
  const times = { warmupMs, measureMs };
  const contenders = listContenders(beside);
  const stageIn = (name: string) => createStage({ folder: join(folder, name), load, lifetime });
  const calls = parts.includes('calls')
    ? await measureCalls(
        { stage: stageIn('calls'), load },
        {
          contenders: contenders.filter(({ name }) => only.length === 0 || only.includes(name)),
          cells,
          rounds,
          starts,
          say,
          ...times,
        },
      )
    : undefined;
  const ours = contenders.filter(({ name }) => name === OURS || name === OURS_WRITING);
  const [bridge] = ours;
  const hasFacade = parts.includes('facade') && (only.length === 0 || only.includes(OURS));
  const facade =
    hasFacade && bridge !== undefined
      ? await measureFacade(
          { stage: stageIn('facade'), load },
          {
            bridge,
            appending: ours,
            readCallers: [1, 32],
            readers: [1, 100, 1_000],
            streamCalls,
            say,
            ...times,
          },
        )
      : undefined;
  return {
    at: new Date().toISOString(),
    machine,
    rounds,
    measureMs,
    ...(calls !== undefined && { calls }),
    ...(facade !== undefined && { facade }),
  };
}

main()
  .catch((error: unknown) => {
    console.error(error instanceof Error ? error.message : error);
    process.exitCode ??= 1;
  })
  // Nothing is open any more, but a measurement that was cut off may still wait.
  .finally(() => process.exit());
