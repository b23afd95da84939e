// The servers that do harm, as plain JSON-RPC on stdio: `hostile-server.mjs MODE FILE GATE`. What it did
// is counted in the file, which the harness reads at the end. Its lists do harm while the gate exists.
import { existsSync, writeFileSync } from 'node:fs';
import { createInterface } from 'node:readline';
import { setTimeout as wait } from 'node:timers/promises';

const [, , mode, file, gate] = process.argv;
const counts = {};
const count = (what, times = 1) => (counts[what] = (counts[what] ?? 0) + times);
const save = () => writeFileSync(file, JSON.stringify(counts));

const FLAP_TOOLS = 1_000;
const PAGE_ENTRIES = 1_000;
const ENTRIES = 100_000;
const MESSAGE_BYTES = 60_000_000;
const LINE = 'x'.repeat(1_000);
let version = 0;
let isHarmful = false;
let asked = 0;

const send = (message) =>
  process.stdout.write(`${JSON.stringify({ jsonrpc: '2.0', ...message })}\n`);
const toText = (text) => ({ content: [{ type: 'text', text }] });
const lists = {
  'tools/list': ['tools', (name) => ({ name, inputSchema: { type: 'object' } })],
  'resources/list': ['resources', (name) => ({ name, uri: `hostile://${name}` })],
  'resources/templates/list': [
    'resourceTemplates',
    (name) => ({ name, uriTemplate: `hostile://${name}/{x}` }),
  ],
  'prompts/list': ['prompts', (name) => ({ name })],
};

const entries = (toEntry, { from = 0, number, description }) =>
  Array.from({ length: number }, (_, index) => ({
    ...toEntry(`tool-${from + index}`),
    ...(description !== undefined && { description }),
  }));

const listed = {
  flap(toEntry) {
    version += 1;
    return { all: entries(toEntry, { number: FLAP_TOOLS, description: `version ${version}` }) };
  },
  pages(toEntry, { cursor = '0' }) {
    const all = entries(toEntry, { from: Number(cursor), number: PAGE_ENTRIES });
    return { all, nextCursor: String(Number(cursor) + PAGE_ENTRIES) };
  },
  entries: (toEntry) => ({
    all: entries(toEntry, { number: ENTRIES, description: `version ${version}` }),
  }),
  message: (toEntry) => ({
    all: [{ ...toEntry('tool-0'), description: 'x'.repeat(MESSAGE_BYTES) }],
  }),
};

const tools = {
  large({ bytes = 1 }) {
    count('bytes answered', bytes);
    return toText('x'.repeat(bytes));
  },
  async slow({ ms = 10 }, progressToken) {
    if (mode === 'noise') await makeNoise(progressToken, ms);
    else await wait(ms);
    return toText('slow');
  },
  odd: (args) => ({ ...toText('\u0000 \ud800'), structuredContent: { '\u0000\udc00': args } }),
};

/** In bursts, since a write to a full pipe waits, and calls have to be heard in between. */
async function makeNoise(progressToken, ms) {
  for (const end = performance.now() + ms; performance.now() < end; await wait(0)) {
    for (let round = 0; round < 100; round += 1) {
      process.stderr.write(`${LINE}\n`);
      send({
        method: 'notifications/message',
        params: { level: 'error', logger: 'hostile', data: LINE },
      });
      if (progressToken !== undefined)
        send({
          method: 'notifications/progress',
          params: { progressToken, progress: (asked += 1), message: LINE },
        });
    }
    count('noises', 300);
  }
}

async function answer(method, params = {}) {
  if (method === 'initialize') {
    const change = { listChanged: true };
    const isTools = mode === 'tools' || mode === 'noise';
    return {
      protocolVersion: params.protocolVersion,
      capabilities: isTools
        ? { tools: {}, logging: {} }
        : { tools: change, resources: change, prompts: change },
      serverInfo: { name: 'hostile', version: '1.0.0' },
    };
  }
  if (method === 'tools/call') {
    count('calls');
    const tool = tools[params.name] ?? (() => toText('done'));
    return tool(params.arguments ?? {}, params._meta?.progressToken);
  }
  const list = lists[method];
  if (list === undefined) return {};
  count('list requests');
  const [key, toEntry] = list;
  if (!isHarmful || listed[mode] === undefined) {
    const names = method === 'tools/list' ? [...Object.keys(tools), 'tool-1'] : [];
    return { [key]: names.map((name) => toEntry(name)) };
  }
  const { all, nextCursor } = listed[mode](toEntry, params);
  return { [key]: all, ...(nextCursor !== undefined && { nextCursor }) };
}

/** In milliseconds: how often it says that its lists changed. */
const changes = { flap: 2, pages: 100, entries: 2_000, message: 2_000 };

function tellChange() {
  if (mode === 'entries') version += 1;
  for (const list of ['tools', 'resources', 'prompts'])
    send({ method: `notifications/${list}/list_changed` });
  count('changes told', 3);
}

function watchGate() {
  if (changes[mode] === undefined) return;
  setInterval(() => {
    if (isHarmful === existsSync(gate)) return;
    isHarmful = !isHarmful;
    tellChange();
  }, 50);
  setInterval(() => {
    if (isHarmful) tellChange();
  }, changes[mode]);
}

setInterval(save, 200);
count('starts');
save();
for await (const line of createInterface({ input: process.stdin })) {
  const { id, method, params } = JSON.parse(line);
  if (method === 'notifications/initialized') watchGate();
  if (id !== undefined && method !== undefined)
    void answer(method, params).then((result) => send({ id, result }));
}
save();
process.exit(0);
