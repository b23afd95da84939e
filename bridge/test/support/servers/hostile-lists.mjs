// A raw legacy server that lists what its one argument, an object as JSON, says:
// { tools, resources, templates, prompts } are numbers or lists of names; `pages: "endless"` never ends a
// list, `pages: "again"` repeats its cursor; `flapMs` tells of changed lists that often, each time with
// others; `file` holds such an object that is read anew for each list. Its tools `flood` say `count`
// messages or notes of progress before they answer.
import { readFileSync } from 'node:fs';
import { createInterface } from 'node:readline';

const given = JSON.parse(process.argv[2] ?? '{}');
let round = 0;

const options = () =>
  given.file === undefined ? given : { ...given, ...JSON.parse(readFileSync(given.file, 'utf8')) };

const padding = 'x'.repeat(given.padding ?? 100);

function namesOf(wanted = [], prefix) {
  return typeof wanted === 'number'
    ? Array.from({ length: wanted }, (_, index) => `${prefix}${index}`)
    : wanted;
}

const lists = {
  'tools/list': (all) => ({
    tools: namesOf(all.tools, 'tool_').map((tool) =>
      typeof tool === 'object'
        ? tool
        : {
            name: tool,
            description: `${padding} ${given.flapMs === undefined ? '' : round}`,
            inputSchema: { type: 'object' },
          },
    ),
  }),
  'resources/list': (all) => ({
    resources: namesOf(all.resources, 'doc://').map((uri) => ({ uri, name: 'a resource' })),
  }),
  'resources/templates/list': (all) => ({
    resourceTemplates: namesOf(all.templates, 'doc://t/').map((uriTemplate) => ({
      uriTemplate,
      name: 'a template',
    })),
  }),
  'prompts/list': (all) => ({
    prompts: namesOf(all.prompts, 'prompt_').map((name) => ({ name })),
  }),
};

const say = (message) =>
  process.stdout.write(`${JSON.stringify({ jsonrpc: '2.0', ...message })}\n`);

async function flood({ kind, count }, token) {
  const line =
    kind === 'message'
      ? { method: 'notifications/message', params: { level: 'info', data: padding } }
      : { method: 'notifications/progress', params: { progressToken: token, progress: 1 } };
  const text = `${JSON.stringify({ jsonrpc: '2.0', ...line })}\n`.repeat(1_000);
  for (let sent = 0; sent < count; sent += 1_000) {
    if (!process.stdout.write(text))
      await new Promise((done) => process.stdout.once('drain', done));
  }
}

function answer(method, params) {
  if (method === 'initialize') {
    return {
      protocolVersion: params.protocolVersion,
      capabilities: {
        tools: { listChanged: true },
        resources: { listChanged: true },
        prompts: { listChanged: true },
        logging: {},
      },
      serverInfo: { name: 'hostile', version: '1.0.0' },
      ...(options().instructions !== undefined && { instructions: options().instructions }),
    };
  }
  const list = lists[method];
  if (list !== undefined) {
    round += 1;
    const all = options();
    const { pages } = all;
    if (pages === 'endless' && method === 'tools/list') {
      return { tools: [{ name: `tool_${round}`, inputSchema: {} }], nextCursor: `${round}` };
    }
    return { ...list(all), ...(pages === 'again' && { nextCursor: `${round % 3}` }) };
  }
  if (method === 'resources/read') {
    return { contents: [{ uri: params.uri, text: `read by ${given.name ?? 'hostile'}` }] };
  }
  return { content: [{ type: 'text', text: 'done' }] };
}

if (given.flapMs !== undefined) {
  setInterval(() => say({ method: 'notifications/tools/list_changed' }), given.flapMs);
}

for await (const line of createInterface({ input: process.stdin })) {
  const { id, method, params } = JSON.parse(line);
  if (id === undefined) continue;
  if (method === 'server/discover') {
    say({ id, error: { code: -32601, message: 'Method not found' } });
    continue;
  }
  if (method === 'tools/call' && params.name === 'flood') {
    await flood(params.arguments, params._meta?.progressToken);
  }
  if (method === 'tools/call' && params.name === 'change') {
    say({ method: 'notifications/tools/list_changed' });
  }
  say({ id, result: answer(method, params) });
}
