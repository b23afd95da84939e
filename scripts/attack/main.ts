// `npm run attack`: attacks a bridge on loopback with floods, bombs and hostile servers, one attack at a
// time, and tells what each cost. What is tried and how to read it is in docs/attack.md.
import { writeFile } from 'node:fs/promises';
import { attacks } from './attacks/all-attacks.ts';
import { type Figures, levels, toMissed } from './levels.ts';
import { parseOptions } from './options.ts';
import { runAttack } from './run-attack.ts';
import { toCountText, toSummary } from './summary.ts';

const INTERRUPTED = 130;

const interrupted = new AbortController();
for (const signal of ['SIGINT', 'SIGTERM', 'SIGHUP'] as const)
  process.on(signal, () => interrupted.abort(new Error(`${signal}: everything is ended.`)));

const { seconds, names, isList, json, keeps } = parseOptions(
  process.argv.slice(2),
  attacks.map(({ name }) => name),
);
if (isList) for (const { name, does } of attacks) console.log(`${name}: ${does}.`);
else await attackAll();

async function attackAll(): Promise<void> {
  const all: Figures[] = [];
  const broken: string[] = [];
  for (const attack of attacks.filter(({ name }) => names.includes(name))) {
    console.log(`\n${attack.name}: ${attack.does}.`);
    try {
      const figures = await runAttack(attack, {
        seconds,
        keeps,
        signal: interrupted.signal,
        report: (line) => console.log(`  ${line}`),
      });
      interrupted.signal.throwIfAborted();
      all.push(figures);
      console.log(`  ${toCountText(figures.counts)}`);
      for (const why of toMissed(figures)) console.log(`  missed: ${why}`);
    } catch (error) {
      if (interrupted.signal.aborted) {
        console.log(`  ${String(interrupted.signal.reason)}`);
        process.exitCode = INTERRUPTED;
        break;
      }
      // The others still tell something.
      broken.push(`- ${attack.name} was not measured: ${String(error)}`);
      console.log(`  not measured: ${String(error)}`);
    }
  }
  console.log(`\n${[toSummary(all), ...broken].join('\n')}`);
  if (json !== undefined) await writeFile(json, JSON.stringify({ seconds, levels, all }, null, 2));
  if (broken.length > 0 || all.some((figures) => toMissed(figures).length > 0))
    process.exitCode ??= 1;
}
