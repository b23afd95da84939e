// `npm run soak -- --minutes 30`, or `-- --calls 100000 --restarts 200`. What the figures mean is in
// docs/endurance.md.
import { writeFile } from 'node:fs/promises';
import { parseArgs } from 'node:util';
import { runFlatness } from './flatness.ts';
import {
  type Issues,
  hasIssues,
  toFlatnessIssues,
  toFlatnessReport,
  toSoakIssues,
  toSoakReport,
} from './report.ts';
import { runSoak } from './soak.ts';

const { values } = parseArgs({
  options: {
    minutes: { type: 'string', default: '5' },
    seed: { type: 'string', default: String(Date.now() % 1_000_000) },
    callers: { type: 'string', default: '16' },
    pause: { type: 'string', default: '40' },
    every: { type: 'string', default: '15' },
    only: { type: 'string' },
    'no-mount': { type: 'boolean', default: false },
    calls: { type: 'string' },
    restarts: { type: 'string', default: '200' },
    report: { type: 'string' },
    'bridge-log': { type: 'string' },
  },
});

const begun = performance.now();
function report(line: string): void {
  const seconds = Math.round((performance.now() - begun) / 1_000);
  console.log(`[${String(seconds).padStart(5)} s] ${line}`);
}
const interrupted = new AbortController();
for (const signal of ['SIGINT', 'SIGTERM'] as const)
  process.once(signal, () => interrupted.abort());
const bridgeLog = values['bridge-log'];
const callers = toNumber('callers', values.callers);

const { issues, text } = values.calls === undefined ? await soak() : await flatness(values.calls);
console.log(`\n${text}`);
if (values.report !== undefined) await writeFile(values.report, text);
process.exitCode = hasIssues(issues) ? 1 : 0;

async function soak(): Promise<{ issues: Issues; text: string }> {
  const minutes = toNumber('minutes', values.minutes);
  const seed = toNumber('seed', values.seed);
  const pauseMs = toNumber('pause', values.pause);
  const everySeconds = toNumber('every', values.every);
  const mounts = !values['no-mount'];
  const args = `--minutes ${minutes} --seed ${seed} --callers ${callers} --pause ${pauseMs} --every ${everySeconds}${mounts ? '' : ' --no-mount'}${values.only === undefined ? '' : ` --only ${JSON.stringify(values.only)}`}`;
  report(args);
  const seconds = minutes * 60;
  const result = await runSoak({
    seconds,
    seed,
    callers,
    pauseMs,
    everySeconds,
    mounts,
    only: values.only,
    bridgeLog,
    signal: interrupted.signal,
    report,
  });
  return { issues: toSoakIssues(result), text: toSoakReport(result, args, seconds) };
}

async function flatness(asked: string): Promise<{ issues: Issues; text: string }> {
  const calls = toNumber('calls', asked);
  const restarts = toNumber('restarts', values.restarts);
  const args = `--calls ${calls} --restarts ${restarts} --callers ${callers}`;
  report(args);
  const result = await runFlatness({ calls, restarts, callers, bridgeLog, report });
  return { issues: toFlatnessIssues(result), text: toFlatnessReport(result, args) };
}

function toNumber(name: string, text: string): number {
  const number = Number(text);
  if (text === '' || !Number.isFinite(number) || number < 0)
    throw new Error(`--${name} takes a number, not ${JSON.stringify(text)}.`);
  return number;
}
