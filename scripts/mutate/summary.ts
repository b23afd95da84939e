// What became of the mutants, by folder, and which of them nothing notices.
import { toTable } from '../../bench/src/table.ts';
import type { Mutant } from './mutants/mutant.ts';
import type { Trial, Verdict } from './run-mutants.ts';

/** Of `bridge/src/edge/http/sse.ts` the folder is `bridge/src/edge`. */
const FOLDER_DEPTH = 3;
const ALL = 'all';

export function toTrialLine(trial: Trial): string {
  const { verdict, seconds } = trial;
  return `${verdict.padEnd(8)} ${seconds.toFixed(0).padStart(4)} s  ${toTold(trial)}`;
}

function toTold({ mutant: { file, name }, detail }: Trial): string {
  return `${file}: ${name} (${detail})`;
}

export function toSummary(trials: readonly Trial[], accepted: readonly Mutant[]): string {
  const folders = [...new Set([...trials.map(({ mutant }) => mutant), ...accepted].map(toFolder))];
  const rows = [...folders.toSorted(), ALL].map((folder) => toRow(folder, trials, accepted));
  return [
    toTable(['folder', 'mutants', 'killed', 'survived', 'error', 'accepted', 'noticed'], rows),
    ...toList('Survived:', pick(trials, 'survived').map(toTold)),
    ...toList('Wrong by themselves:', pick(trials, 'error').map(toTold)),
    ...toList(
      'Not run, because no test can notice:',
      accepted.map(({ file, name, survives = '' }) => `${file}: ${name} (${survives})`),
    ),
  ].join('\n');
}

function toRow(folder: string, trials: readonly Trial[], accepted: readonly Mutant[]): string[] {
  const isHere = (mutant: Mutant): boolean => folder === ALL || toFolder(mutant) === folder;
  const here = trials.filter(({ mutant }) => isHere(mutant));
  const count = (verdict: Verdict): number => pick(here, verdict).length;
  const known = accepted.filter(isHere).length;
  const run = count('killed') + count('survived');
  return [
    folder,
    String(here.length + known),
    String(count('killed')),
    String(count('survived')),
    String(count('error')),
    String(known),
    run === 0 ? '-' : `${Math.floor((count('killed') / run) * 100)} %`,
  ];
}

function pick(trials: readonly Trial[], verdict: Verdict): Trial[] {
  return trials.filter((trial) => trial.verdict === verdict);
}

function toFolder({ file }: Mutant): string {
  return file.split('/').slice(0, -1).slice(0, FOLDER_DEPTH).join('/');
}

function toList(title: string, lines: readonly string[]): string[] {
  return lines.length === 0 ? [] : ['', title, ...lines.map((line) => `- ${line}`)];
}
