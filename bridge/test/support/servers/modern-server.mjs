// The modern fixture over stdio; `--dual` serves legacy clients too.
import { serveStdio } from '@modelcontextprotocol/server/stdio';
import { createModernServer } from './modern.mjs';
import { applyFlags } from './tools.mjs';

const flags = await applyFlags(process.argv.slice(2));
serveStdio(() => createModernServer(), { legacy: flags.has('--dual') ? 'serve' : 'reject' });
