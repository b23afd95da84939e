// The legacy fixture over stdio; the flags are those of tools.mjs, and how to take the era probe.
import { appendFileSync } from 'node:fs';
import { StdioServerTransport } from '@modelcontextprotocol/sdk/server/stdio.js';
import { createLegacyServer } from './legacy.mjs';
import { applyFlags } from './tools.mjs';

const flags = await applyFlags(process.argv.slice(2));
const transport = new StdioServerTransport();
await createLegacyServer().connect(transport);
const { onmessage } = transport;
// oxlint-disable-next-line unicorn/prefer-add-event-listener -- the SDK has callbacks, not events
transport.onmessage = (message, extra) => {
  if (message.method === 'server/discover') {
    if (flags.has('--probes')) appendFileSync(flags.get('--probes'), 'probe\n');
    if (flags.has('--exit-on-probe')) process.exit(1);
    if (flags.has('--silent-on-probe')) return;
  }
  onmessage.call(transport, message, extra);
};
