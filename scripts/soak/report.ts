// The results as Markdown: everything that a reader needs to judge them, and nothing that names the
// machine or its folders.
import type { Disturbed } from './disturbances.ts';
import type { FlatnessResult } from './flatness.ts';
import type { Ledger } from './ledger.ts';
import { describeMachine } from './machine.ts';
import { type Measure, type Sample, slopePerHour } from './samples.ts';
import type { SoakResult } from './soak.ts';
import type { Verdict } from './verdict.ts';

type Row = readonly (string | number)[];

/** What makes a run fail, by name. */
export type Issues = Readonly<Record<string, readonly string[]>>;

const SHOWN = 20;

export function toSoakIssues({
  verdict,
  leftBehind,
  crashes,
  halfAlive,
  disturbed,
}: SoakResult): Issues {
  return {
    ...toLogIssues(verdict),
    'Started without an end': verdict.open,
    'Left behind': leftBehind,
    'Bridges that crashed or hung': crashes,
    'Half-alive servers': halfAlive,
    'Not well again after a disturbance': disturbed.flatMap(({ name, stuck }) =>
      stuck.map((why) => `${name}: ${why}`),
    ),
  };
}

/** Files and processes may differ by a few at a moment; more than that was left open. */
const SPARE = 10;

export function toFlatnessIssues({ verdict, leftBehind, samples }: FlatnessResult): Issues {
  const [first, last] = [samples[0], samples.at(-1)];
  const grown = (['files', 'processes'] as const).flatMap((measure) =>
    first !== undefined && last !== undefined && last[measure] > first[measure] + SPARE
      ? [`${measure}: from ${first[measure]} to ${last[measure]}`]
      : [],
  );
  return { ...toLogIssues(verdict), 'Left behind': leftBehind, Grown: grown };
}

function toLogIssues({ lost, doubled, gaps, mixedUp }: Verdict): Issues {
  return {
    'Lost calls': lost,
    'Doubled calls': doubled,
    Gaps: gaps,
    "Answered with another call's result": mixedUp,
  };
}

export function hasIssues(issues: Issues): boolean {
  return Object.values(issues).some((list) => list.length > 0);
}

export function toSoakReport(result: SoakResult, args: string, seconds: number): string {
  const { ledger, verdict, readers, disturbed, samples, skipped, bridges } = result;
  const issues = toSoakIssues(result);
  return sections(
    '# Soak',
    intro(issues, args),
    toIssueText(issues),
    '## Calls',
    table(
      ['What', 'Count'],
      [
        ...toCallRows(ledger, verdict, seconds),
        ['Events read by live readers', readers.events],
        ['Connections of the reader of all events', readers.connections],
        ['Runs followed', readers.runsFollowed],
        ['Streams opened and not read', readers.stalled],
        ['Pages of events read slowly', readers.slowlyRead],
        ['Bridges started', bridges],
      ],
    ),
    toCodeText(ledger),
    '## Disturbances',
    table(
      ['Disturbance', 'Times', 'All well again after, median', 'Longest'],
      toDisturbanceRows(disturbed),
    ),
    skipped.map((line) => `Skipped: ${line}.`).join('\n\n'),
    '## The bridge over time',
    toGrowthText(samples),
    table(sampleHead, everyMinute(samples).map(toSampleRow)),
  );
}

export function toFlatnessReport(result: FlatnessResult, args: string): string {
  const { ledger, verdict, samples, restarts, seconds } = result;
  const issues = toFlatnessIssues(result);
  return sections(
    '# Flatness',
    intro(issues, args),
    toIssueText(issues),
    '## Calls',
    table(
      ['What', 'Count'],
      [['Restarts of the server', restarts], ...toCallRows(ledger, verdict, seconds)],
    ),
    toCodeText(ledger),
    '## The bridge before and after',
    toGrowthText(samples),
    table(sampleHead, samples.map(toSampleRow)),
  );
}

function intro(issues: Issues, args: string): string {
  const verdict = hasIssues(issues) ? '**Failed.**' : '**Passed.**';
  const counts = Object.entries(issues).map(([name, list]) => `${name}: ${list.length}`);
  return sections(
    `${verdict} ${counts.join('; ')}.`,
    `Arguments: \`${args}\``,
    table(['Machine', ''], describeMachine()),
  ).trim();
}

function toIssueText(issues: Issues): string {
  return Object.entries(issues)
    .filter(([, list]) => list.length > 0)
    .map(([name, list]) => `## ${name}\n\n${toList(list)}`)
    .join('\n\n');
}

function toCallRows({ counts, progress, failedInCalm }: Ledger, verdict: Verdict, seconds: number) {
  return [
    ['Seconds', Math.round(seconds)],
    ['Answered', counts.answered],
    ['Answered per second', Math.round(counts.answered / seconds)],
    ['Refused with an error', counts.refused],
    ['Without an answer (connection lost, timeout)', counts.unanswered],
    ['Of these two, in calm', failedInCalm.count],
    ['Cancelled by the client', counts.cancelled],
    ['Clients that left in the middle', counts.left],
    ['Progress notifications received', progress],
    ['Writing calls that a server began', verdict.begun],
    ['Writing calls that a server finished', verdict.done],
    ['Runs in the log', verdict.runs],
    ['Events in the log', verdict.events],
    ['Started in the log, without an end there', verdict.open.length],
  ] satisfies Row[];
}

function toCodeText({ codes, failedInCalm: { count, examples } }: Ledger): string {
  const rows = [...codes].sort(([, a], [, b]) => b - a);
  return sections(
    rows.length === 0 ? '' : table(['Error', 'Calls'], rows),
    count === 0 ? '' : `Failed in calm:\n\n${toList(examples)}`,
  ).trim();
}

function toDisturbanceRows(disturbed: readonly Disturbed[]): Row[] {
  return [...new Set(disturbed.map(({ name }) => name))].sort().map((name) => {
    const times = disturbed
      .filter((each) => each.name === name)
      .map(({ settledMs }) => settledMs)
      .sort((a, b) => a - b);
    const median = times[Math.floor(times.length / 2)] ?? 0;
    return [name, times.length, toSeconds(median), toSeconds(times.at(-1) ?? 0)];
  });
}

const measures: readonly (readonly [Measure, string])[] = [
  ['heap', 'Heap after a collection, MB'],
  ['rss', 'Resident memory, MB'],
  ['files', 'Open files'],
  ['processes', 'Processes below the bridge'],
];

function toGrowthText(samples: readonly Sample[]): string {
  const [first, last] = [samples[0], samples.at(-1)];
  if (first === undefined || last === undefined) return 'No sample was taken.';
  const rows = measures.map(([measure, name]) => {
    const values = samples.map((sample) => sample[measure]);
    const slope = slopePerHour(samples, measure);
    return [
      name,
      round(first[measure]),
      round(last[measure]),
      round(Math.min(...values)),
      round(Math.max(...values)),
      slope === undefined ? 'too short' : round(slope),
    ];
  });
  return table(['Measure', 'First', 'Last', 'Least', 'Most', 'Slope per hour'], rows);
}

const sampleHead = [
  'Second',
  'Bridge',
  'Answered',
  'Heap',
  'Resident',
  'Files',
  'Processes',
  'Strays',
];

function toSampleRow(sample: Sample): Row {
  const { at, life, answered, heap, rss, files, processes, strays } = sample;
  return [Math.round(at), life, answered, round(heap), round(rss), files, processes, strays];
}

function everyMinute(samples: readonly Sample[]): Sample[] {
  return samples.filter(
    ({ at }, index) =>
      index === 0 || Math.floor(at / 60) !== Math.floor((samples[index - 1]?.at ?? 0) / 60),
  );
}

function toList(lines: readonly string[]): string {
  const more = lines.length > SHOWN ? [`and ${lines.length - SHOWN} more`] : [];
  return [...lines.slice(0, SHOWN), ...more].map((line) => `- ${line}`).join('\n');
}

function table(head: readonly string[], rows: readonly Row[]): string {
  const lines = [head, head.map(() => '---'), ...rows];
  return lines.map((cells) => `| ${cells.join(' | ')} |`).join('\n');
}

function sections(...parts: readonly string[]): string {
  return `${parts.filter((part) => part !== '').join('\n\n')}\n`;
}

function round(value: number): string {
  return (Math.round(value * 10) / 10).toString();
}

function toSeconds(ms: number): string {
  return `${(ms / 1_000).toFixed(1)} s`;
}
