// `npm run bench:code-index`: how long the code index takes for a tree of about 30 MB and how much
// memory, how long questions take, and how well plain questions are ranked on the set that ships.
// Universal ctags and ripgrep run beside it where they are installed.
import { execFileSync, spawnSync } from 'node:child_process';
import { cpSync, mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { loadavg, tmpdir } from 'node:os';
import { join, resolve } from 'node:path';
import { Client } from '@modelcontextprotocol/client';
import { StdioClientTransport } from '@modelcontextprotocol/client/stdio';
import { z } from 'zod';
import { toMedian } from '../statistics.ts';
import { toFigure, toTable, type Row } from '../table.ts';
import { makeTree } from './tree.ts';

const project = resolve(import.meta.dirname, '../../..');
const server = join(project, 'servers/code-index/dist/main.js');
const set = join(project, 'servers/code-index/test/retrieval-set');
const QUESTION_ROUNDS = 9;
const MOST_MS = 600_000;

const queriesSchema = z.array(z.tuple([z.string(), z.string()]));
const hitsSchema = z.object({ hits: z.array(z.object({ name: z.string() })) });

type Call = (name: string, args?: Record<string, unknown>) => Promise<unknown>;

interface Opened {
  call: Call;
  /** Most resident memory so far, in MB; nothing where the system does not say. */
  peak(): number | undefined;
  close(): Promise<void>;
}

async function open(root: string, state: string): Promise<Opened> {
  mkdirSync(state, { mode: 0o700, recursive: true });
  const transport = new StdioClientTransport({
    command: process.execPath,
    args: [server, '--root', root],
    env: { PATH: process.env['PATH'] ?? '', HOME: state, DRAWBRIDGE_SERVER_STATE: state },
  });
  const client = new Client(
    { name: 'bench', version: '1' },
    { versionNegotiation: { mode: { pin: '2026-07-28' } } },
  );
  await client.connect(transport);
  return {
    async call(name, args = {}) {
      const answer = await client.callTool({ name, arguments: args }, { timeout: MOST_MS });
      if (answer.isError === true) throw new Error(JSON.stringify(answer.content));
      return answer.structuredContent;
    },
    peak() {
      const status = readFileSync(`/proc/${transport.pid}/status`, 'utf8');
      const kilobytes = /VmHWM:\s+(\d+)/.exec(status)?.[1];
      return kilobytes === undefined ? undefined : Number(kilobytes) / 1024;
    },
    close: () => client.close(),
  };
}

async function timed(work: () => unknown): Promise<number> {
  const begun = performance.now();
  await work();
  return performance.now() - begun;
}

/** Nothing where the program is not installed. */
function run(program: string, args: readonly string[], cwd: string): number | undefined {
  const begun = performance.now();
  const { error, status } = spawnSync(program, args, { cwd, stdio: 'ignore' });
  return error === undefined && status === 0 ? performance.now() - begun : undefined;
}

function toSeconds(milliseconds: number | undefined): string {
  return milliseconds === undefined ? 'not installed' : `${toFigure(milliseconds / 1_000)} s`;
}

async function measureTree(folder: string): Promise<Row[]> {
  const root = join(folder, 'tree');
  const { files, bytes } = makeTree(project, root);
  const rows: Row[] = [['tree', `${files} files, ${toFigure(bytes / 1e6)} MB`]];
  rows.push(['ctags -R', toSeconds(run('ctags', ['-R', '-f', join(folder, 'tags'), '.'], root))]);
  const index = await open(root, join(folder, 'state'));
  try {
    rows.push(['index, first', toSeconds(await timed(() => index.call('index')))]);
    const peak = index.peak();
    rows.push(['most memory', peak === undefined ? '-' : `${toFigure(peak)} MB`]);
    rows.push(['index, nothing changed', toSeconds(await timed(() => index.call('index')))]);
    const probe = join(root, 'm0/s0/probe.ts');
    const edits: number[] = [];
    for (let round = 0; round < QUESTION_ROUNDS; round += 1) {
      writeFileSync(probe, `export function probe${round}() {}\n`);
      edits.push(await timed(() => index.call('find_definition', { name: `probe${round}` })));
    }
    rows.push(['edit to answer', `${toFigure(toMedian(edits))} ms`]);
    const questions: [string, Record<string, unknown>][] = [
      ['search_symbols', { query: 'createFence3' }],
      ['find_definition', { name: 'createFence3' }],
      ['find_references', { name: 'createFence3' }],
      ['search_code', { query: 'stop the search when time runs out' }],
      ['search_structure', { pattern: 'createFence3($$$A)', language: 'typescript' }],
      ['search_text', { pattern: 'createFence3\\b' }],
    ];
    for (const [name, args] of questions) {
      const times: number[] = [];
      for (let round = 0; round < QUESTION_ROUNDS; round += 1) {
        times.push(await timed(() => index.call(name, args)));
      }
      rows.push([name, `${toFigure(toMedian(times))} ms`]);
    }
  } finally {
    await index.close();
  }
  const rg = run('rg', ['--quiet', 'createFence3\\b', '.'], root);
  rows.push(['rg alone', rg === undefined ? 'not installed' : `${toFigure(rg)} ms`]);
  return rows;
}

/** Mean reciprocal rank of the right definition among the first ten. */
async function measureQuality(folder: string): Promise<Row> {
  const root = join(folder, 'set');
  cpSync(join(set, 'sources'), root, { recursive: true });
  const queries = queriesSchema.parse(JSON.parse(readFileSync(join(set, 'queries.json'), 'utf8')));
  const index = await open(root, join(folder, 'set-state'));
  try {
    let sum = 0;
    for (const [query, name] of queries) {
      const answer = await index.call('search_code', { query, limit: 10, lines: 0 });
      const { hits } = hitsSchema.parse(answer);
      const place = hits.findIndex((hit) => hit.name === name);
      sum += place < 0 ? 0 : 1 / (place + 1);
    }
    return ['MRR@10', `${(sum / queries.length).toFixed(3)} of ${queries.length} questions`];
  } finally {
    await index.close();
  }
}

execFileSync(process.execPath, [join(project, 'scripts/bundle.mjs')], { stdio: 'inherit' });
const folder = mkdtempSync(join(tmpdir(), 'drawbridge-bench-index-'));
try {
  const load: Row = ['load at the start', toFigure(loadavg()[0])];
  const rows = [load, ...(await measureTree(folder)), await measureQuality(folder)];
  process.stdout.write(`${toTable(['code index', ''], rows)}\n`);
} finally {
  rmSync(folder, { recursive: true, force: true });
}
