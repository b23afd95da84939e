import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { expect, test } from 'vitest';
import { STDIO_SERVER } from '../src/contenders/contender.ts';
import { readTree } from '../src/process-tree.ts';

test.runIf(process.platform === 'linux')(
  'counts the server apart from what started it, and what its dead children used',
  async () => {
    const script = `
      const { spawn, spawnSync } = require('node:child_process');
      spawnSync(process.execPath, ['-e', 'while (process.cpuUsage().user < 300_000);']);
      spawn(process.execPath, [${JSON.stringify(STDIO_SERVER)}], { stdio: ['pipe', 'pipe', 'inherit'] })
        .on('spawn', () => console.log('up'));
      process.stdin.resume().on('end', () => process.exit());`;
    const parent = spawn(process.execPath, ['-e', script], { stdio: ['pipe', 'pipe', 'inherit'] });
    await once(parent.stdout, 'data');
    const { gateway, server, postgres } = readTree(parent.pid ?? 0);
    parent.stdin.end();
    await once(parent, 'exit');
    expect(gateway.cpuMs).toBeGreaterThan(200);
    expect(gateway.memory).toBeGreaterThan(10_000_000);
    expect(server.memory).toBeGreaterThan(0);
    expect(postgres).toEqual({ cpuMs: 0, memory: 0 });
  },
);
