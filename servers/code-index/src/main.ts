#!/usr/bin/env node
// The process: `drawbridge-code-index [stdio] [--http] [--root DIR]...`
import { main } from '@drawbridge/kit';
import { createDefinition } from './server.ts';

await main(createDefinition(process.env));
