#!/usr/bin/env node
// The process: `drawbridge-fetch [stdio] [--http]`
import { main } from '@drawbridge/kit';
import { createDefinition } from './server.ts';

await main(createDefinition(process.env));
