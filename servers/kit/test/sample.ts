// A small server for the kit's own tests: one tool for each thing that can happen to a call.
import { z } from 'zod';
import { defineServer, defineTool, ToolError, type ResourceProvider } from '../src/index.ts';

export const echo = defineTool({
  name: 'echo',
  title: 'Echo',
  description: 'Answers with its text.',
  effect: 'read',
  input: z.strictObject({
    path: z.string(),
    limit: z.int().min(1).max(10).default(3).describe('how often'),
  }),
  output: z.object({ said: z.string(), times: z.int() }),
  run: ({ path, limit }) => ({ output: { said: path, times: limit }, text: path.repeat(limit) }),
});

export const whoami = defineTool({
  name: 'whoami',
  title: 'Who am I',
  description: 'Answers with the caller.',
  effect: 'read',
  input: z.strictObject({}),
  output: z.object({ tenant: z.string(), roots: z.array(z.string()) }),
  run: (_args, { caller }) => ({
    output: { tenant: caller.tenant, roots: caller.roots },
    text: JSON.stringify(caller),
  }),
});

export const refuse = defineTool({
  name: 'refuse',
  title: 'Refuse',
  description: 'Always says no.',
  effect: 'destructive',
  openWorld: true,
  input: z.strictObject({}),
  output: z.object({}),
  run: () => {
    throw new ToolError('It may not be.', { allowed: 'nothing', hint: 'something else' });
  },
});

export const crash = defineTool({
  name: 'crash',
  title: 'Crash',
  description: 'Has a defect.',
  effect: 'write',
  input: z.strictObject({}),
  output: z.object({}),
  run: () => {
    throw new Error('password hunter2 in /etc/secret');
  },
});

export const flood = defineTool({
  name: 'flood',
  title: 'Flood',
  description: 'Answers with too much.',
  effect: 'idempotent',
  input: z.strictObject({}),
  output: z.object({}),
  run: () => ({ output: {}, text: 'é'.repeat(200_000), rest: 'Ask for page 2.' }),
});

/** Told when a `wait` was cancelled. */
export const waits = new EventTarget();

export const wait = defineTool({
  name: 'wait',
  title: 'Wait',
  description: 'Waits until it is cancelled.',
  effect: 'read',
  input: z.strictObject({}),
  output: z.object({}),
  run: async (_args, { signal, progress }) => {
    await progress(1, 2, 'waiting');
    await new Promise<void>((resolve) => {
      if (signal.aborted) resolve();
      signal.addEventListener('abort', () => resolve(), { once: true });
    });
    waits.dispatchEvent(new Event('cancelled'));
    return { output: {}, text: 'cancelled' };
  },
});

/** Call it to change `note://open`. */
export const changes = new Set<() => void>();

const resources: ResourceProvider = {
  templates: [{ uriTemplate: 'note://{name}', name: 'note', mimeType: 'text/plain' }],
  list: async () => ({ resources: [{ uri: 'note://open', name: 'open' }] }),
  read: async (uri) => {
    if (uri !== 'note://open') throw new ToolError('There is no such note.');
    return { contents: [{ uri, text: 'hello' }] };
  },
  watch: async (uri, _context, onChange) => {
    if (uri !== 'note://open') throw new ToolError('There is no such note.');
    changes.add(onChange);
    return () => void changes.delete(onChange);
  },
};

export const sample = defineServer({
  name: 'sample',
  version: '1.2.3',
  instructions: 'For tests.',
  tools: [echo, whoami, refuse, crash, flood, wait],
  resources,
  prompts: [
    {
      name: 'greet',
      title: 'Greet',
      arguments: [{ name: 'who', required: true }],
      get: async ({ who }) => ({
        messages: [{ role: 'user', content: { type: 'text', text: `Greet ${who}.` } }],
      }),
    },
  ],
});
