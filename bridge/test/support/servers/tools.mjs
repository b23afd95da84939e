// Tools of the fixture servers: each does one thing that a real server does well or badly.
import { spawn } from 'node:child_process';
import { appendFileSync } from 'node:fs';
import { setTimeout as delay } from 'node:timers/promises';

const object = { type: 'object' };

/** `ctx`: { meta, signal, progress(params), log(params), listChanged() } */
export const tools = {
  echo: async ({ args }) => text(args.text ?? ''),
  whoami: async ({ ctx }) => text(JSON.stringify({ pid: process.pid, meta: ctx.meta })),
  environment: async () => text(JSON.stringify(process.env)),
  fail: async () => ({ ...text('it did not work'), isError: true }),
  slow: async ({ args, ctx }) => {
    record(args.file, 'started');
    try {
      await delay(args.ms, undefined, { signal: ctx.signal });
    } catch {
      record(args.file, 'cancelled');
      return text('cancelled');
    }
    record(args.file, 'finished');
    return text('done');
  },
  progress: async ({ args, ctx }) => {
    for (let step = 1; step <= args.steps; step += 1) {
      await delay(args.ms);
      await ctx.progress({ progress: step, total: args.steps, message: `step ${step}` });
    }
    return text('done');
  },
  log: async ({ args, ctx }) => {
    await ctx.log({ level: 'info', logger: 'fixture', data: args.text });
    await delay(args.ms ?? 0);
    return text('logged');
  },
  crash: async ({ args }) => {
    record(args.file, 'crash');
    process.stderr.write('fatal: the fixture crashed\n');
    setTimeout(() => process.exit(7), 20);
    return new Promise(() => undefined);
  },
  crash_once: async ({ args }) => {
    const { existsSync } = await import('node:fs');
    if (existsSync(args.file)) return text('survived');
    record(args.file, 'crash');
    process.exit(7);
  },
  hang: async () => {
    for (;;);
  },
  flood_stderr: async ({ args }) => {
    const line = `${'x'.repeat(1023)}\n`;
    const block = line.repeat(1024);
    for (let megabyte = 0; megabyte < args.megabytes; megabyte += 1) {
      if (!process.stderr.write(block)) {
        await new Promise((resolve) => process.stderr.once('drain', resolve));
      }
    }
    process.stderr.write('the end of the flood\n');
    return text('flooded');
  },
  malformed: async ({ args }) => {
    process.stdout.write(
      'Hello, I am a friendly banner\n{"half": \n[1,2\n"jsonrpc"\n\u0000\u0001\n',
    );
    process.stdout.write(`{"jsonrpc":"2.0","id":99999,"result":{}}\n{"jsonrpc":"1.0"}\n`);
    for (const rest of [
      '"method":5',
      '"method":"notifications/progress","params":[1]',
      '"method":"notifications/progress","params":{"progressToken":{}}',
      '"method":"notifications/message","params":null',
      '"method":"notifications/resources/updated","params":{"uri":5}',
      '"method":"notifications/tools/list_changed","params":{"_meta":7}',
      '"method":"notifications/cancelled"',
      '"method":"roots/list","id":{}',
      '"method":"sampling/createMessage","id":"x","params":{"_meta":[]}',
      '"id":null,"error":{"code":-32700,"message":"Parse error"}',
      '"id":{},"result":1',
    ]) {
      process.stdout.write(`{"jsonrpc":"2.0",${rest}}\n`);
    }
    return text(args.text);
  },
  big: async ({ args }) => text('x'.repeat(args.bytes)),
  /** An answer whose id stands first, then in the middle. */
  raw_big: async ({ args, ctx }) => {
    const body = 'x'.repeat(args.bytes);
    const result = `{"content":[{"type":"text","text":"${body}"}]}`;
    const id = JSON.stringify(ctx.id);
    process.stdout.write(
      args.id === 'first'
        ? `{"jsonrpc":"2.0","id":${id},"result":${result}}\n`
        : `{"result":${result},"id":${id},"padding":"${'y'.repeat(2000)}","jsonrpc":"2.0"}\n`,
    );
    return new Promise(() => undefined);
  },
  ask: async ({ ctx }) =>
    ctx.inputResponses === undefined
      ? {
          resultType: 'input_required',
          inputRequests: {
            name: {
              method: 'elicitation/create',
              params: {
                mode: 'form',
                message: 'Your name?',
                requestedSchema: { type: 'object', properties: { name: { type: 'string' } } },
              },
            },
          },
          requestState: 'state-1',
        }
      : text(JSON.stringify(ctx.inputResponses)),
  bad_answer: async ({ ctx }) => {
    process.stdout.write(`{"jsonrpc":"2.0","id":${JSON.stringify(ctx.id)},"result":"just text"}\n`);
    return new Promise(() => undefined);
  },
  change: async ({ ctx }) => {
    extra += 1;
    await ctx.listChanged();
    return text(`${extra}`);
  },
  grandchild: async () => {
    const child = spawn('sleep', ['600'], { stdio: 'ignore' });
    return text(`${child.pid}`);
  },
  rpc_error: async () => {
    throw Object.assign(new Error('no such thing'), {
      code: -32042,
      data: { hint: 'look elsewhere' },
    });
  },
};

let extra = 0;

/** Three pages, so that every list has to be paged. */
export function listTools(cursor) {
  const names = [
    ...Object.keys(tools),
    ...Array.from({ length: extra }, (_, n) => `extra_${n + 1}`),
  ];
  const page = Number(cursor ?? 0);
  const size = Math.ceil(names.length / 3);
  const slice = names.slice(page * size, (page + 1) * size);
  const more = (page + 1) * size < names.length;
  return {
    tools: slice.map((name) => ({ name, description: name, inputSchema: object })),
    ...(more && { nextCursor: `${page + 1}` }),
  };
}

/** What the command line asks of the process as a whole. */
export async function applyFlags(argv) {
  const flags = new Map(argv.map((flag) => flag.split('=')));
  if (flags.has('--record')) appendFileSync(flags.get('--record'), `${process.pid}\n`);
  if (flags.has('--crash-at-start')) {
    process.stderr.write('fatal: no database\n');
    process.exit(3);
  }
  if (flags.has('--ignore-sigterm')) {
    process.on('SIGTERM', () => undefined);
    setInterval(() => undefined, 1_000);
  }
  if (flags.has('--grandchild')) spawn('sleep', ['600'], { stdio: 'ignore' });
  if (flags.has('--slow-start')) await delay(Number(flags.get('--slow-start')));
  if (flags.has('--never-answer')) {
    setInterval(() => undefined, 1_000);
    await new Promise(() => undefined);
  }
  return flags;
}

export const capabilities = { tools: { listChanged: true }, logging: {} };

function text(value) {
  return { content: [{ type: 'text', text: value }] };
}

function record(file, what) {
  if (file !== undefined) appendFileSync(file, `${what}\n`);
}
