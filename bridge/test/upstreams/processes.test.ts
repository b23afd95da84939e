// No server process outlives the bridge, however either of them ends.
import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { copyFileSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect, it } from 'vitest';
import { readProcess } from '../../src/processes/process-facts.ts';
import { createProcessLedger, sweepOrphans } from '../../src/processes/process-ledger.ts';
import type { UpstreamConfig } from '../../src/upstreams/upstream.ts';
import {
  createFolder,
  createHarness,
  findProcesses,
  isProcessAlive,
  onCleanup,
  servers,
  stdio,
  textOf,
  toolCall,
  until,
} from './harness.ts';

const LEGACY = 'legacy-server.mjs';

/** A unique argument by which the processes of one test are found. */
function createMark(): string {
  return `--mark=${Math.random().toString(36).slice(2)}`;
}

/** As npx and friends do it: a shell that stays, with the server as its child. */
function wrapped(name: string, flags: string): UpstreamConfig {
  const script = `'${process.execPath}' '${join(servers, LEGACY)}' ${flags}; true`;
  return stdio(name, '', { command: 'sh', args: ['-c', script] });
}

function isInGroup(pid: number, group: number): boolean {
  return readProcess(pid)?.group === group;
}

function parentOf(pid: number): number {
  return Number(readFileSync(`/proc/${pid}/stat`, 'utf8').split(') ')[1]?.split(' ')[1]);
}

describe.runIf(process.platform === 'linux')('when the bridge stops', () => {
  it.each([
    ['a server that ends with its stdin', ''],
    ['a server that ignores SIGTERM and the end of its stdin', '--ignore-sigterm'],
    ['a server with a grandchild', '--grandchild'],
  ])(
    'nothing is left of %s, also behind a wrapper',
    async (_, flag) => {
      const { upstreams, pidFile } = createHarness();
      const mark = createMark();
      await upstreams.configure([
        stdio('plain', LEGACY, { args: [mark, ...(flag === '' ? [] : [flag])] }),
        wrapped('wrapped', `${mark} ${flag}`),
      ]);
      await Promise.all([upstreams.discover('plain'), upstreams.discover('wrapped')]);
      const pids = upstreams.status().flatMap((status) => status.pids);
      const groups = pids.map((pid) => readProcess(pid)?.group);
      expect(groups).toEqual(pids);
      expect(findProcesses(mark).length).toBeGreaterThanOrEqual(3);
      const grandchild = Number(textOf(await upstreams.send(toolCall('plain', 'grandchild'))));

      await upstreams.close();

      expect(findProcesses(mark)).toEqual([]);
      expect(isProcessAlive(grandchild)).toBe(false);
      expect(() => readFileSync(pidFile)).toThrow('ENOENT');
    },
    20_000,
  );

  it('closing twice is closing once, and calls afterwards are told', async () => {
    const { upstreams } = createHarness();
    await upstreams.configure([stdio('one', LEGACY)]);
    const slow = upstreams.send(toolCall('one', 'slow', { ms: 60_000 }));
    await until(() => upstreams.status()[0]?.inFlight === 1);
    await Promise.all([upstreams.close(), upstreams.close()]);
    expect(await slow).toMatchObject({ kind: 'protocol_error' });
    expect(await upstreams.send(toolCall('one', 'echo'))).toMatchObject({
      kind: 'protocol_error',
      error: { message: 'upstream "one" is stopped' },
    });
  });
});

describe.runIf(process.platform === 'linux')('when the bridge is killed with SIGKILL', () => {
  async function startDoomedBridge(configs: readonly UpstreamConfig[]) {
    const home = createFolder();
    const script = join(servers, 'doomed-bridge.ts');
    const bridge = spawn(
      process.execPath,
      ['--import', 'tsx', script, home, JSON.stringify(configs)],
      {
        stdio: ['ignore', 'pipe', 'inherit'],
      },
    );
    onCleanup(() => {
      bridge.kill('SIGKILL');
      sweepOrphans(join(home, 'pids.json'));
    });
    const [line] = (await once(bridge.stdout, 'data')) as [Buffer];
    const kill = async () => {
      bridge.kill('SIGKILL');
      await once(bridge, 'exit');
    };
    return { home, kill, pid: bridge.pid, pids: JSON.parse(line.toString()) as number[][] };
  }

  // Holds: legacy/shutdown
  it('its servers die at once, also stubborn ones, behind wrappers, with grandchildren', async () => {
    const mark = createMark();
    const flags = ['--ignore-sigterm', '--grandchild'];
    const { home, kill, pids } = await startDoomedBridge([
      stdio('plain', LEGACY, { args: [mark, ...flags] }),
      wrapped('wrapped', `${mark} ${flags.join(' ')}`),
    ]);
    const groups = pids.flat();
    expect(groups).toHaveLength(2);
    await kill();
    const before = performance.now();
    const sleepers = () =>
      findProcesses('sleep').filter((pid) => groups.some((group) => isInGroup(pid, group)));
    await until(() => findProcesses(mark).length === 0 && sleepers().length === 0);
    expect(performance.now() - before).toBeLessThan(1_000);
    expect(sweepOrphans(join(home, 'pids.json'))).toEqual([]);
  }, 20_000);

  // Holds: stop/no-orphans
  it('the next start sweeps what its watchdog could not', async () => {
    const mark = createMark();
    const {
      home,
      kill,
      pids,
      pid: bridge,
    } = await startDoomedBridge([wrapped('wrapped', `${mark} --ignore-sigterm`)]);
    const [group = 0] = pids.flat();
    const server = findProcesses(mark).find((pid) => pid !== group && isInGroup(pid, group)) ?? 0;
    const watchdog = findProcesses("trap '' INT").find((pid) => parentOf(pid) === bridge) ?? 0;
    expect(server * watchdog).toBeGreaterThan(0);
    process.kill(watchdog, 'SIGKILL');
    await until(() => !isProcessAlive(watchdog));
    await kill();
    expect(isProcessAlive(server)).toBe(true);
    expect(sweepOrphans(join(home, 'pids.json'))).toHaveLength(1);
    await until(() => findProcesses(mark).length === 0);
  }, 20_000);
});

describe.runIf(process.platform === 'linux')('the sweep', () => {
  it('touches no process whose pid was given to another since', () => {
    const pidFile = join(createFolder(), 'pids.json');
    const bystander = spawn('sleep', ['60'], { detached: true, stdio: 'ignore' });
    onCleanup(() => void bystander.kill('SIGKILL'));
    const pid = bystander.pid ?? 0;
    const ledger = createProcessLedger({ pidFile });
    onCleanup(() => {
      ledger.remove(pid);
      ledger.close();
    });
    ledger.add(pid);
    const recorded = JSON.parse(readFileSync(pidFile, 'utf8'));
    recorded.processes[0].startTime -= 1;
    writeFileSync(pidFile, JSON.stringify(recorded));
    expect(sweepOrphans(pidFile)).toEqual([]);
    recorded.processes[0].startTime += 1;
    recorded.space = 'another boot';
    writeFileSync(pidFile, JSON.stringify(recorded));
    expect(sweepOrphans(pidFile)).toEqual([]);
    expect(isProcessAlive(pid)).toBe(true);
  });

  it('of a copy of a home touches nothing of the original', () => {
    const pidFile = join(createFolder(), 'pids.json');
    const bystander = spawn('sleep', ['60'], { detached: true, stdio: 'ignore' });
    onCleanup(() => void bystander.kill('SIGKILL'));
    const pid = bystander.pid ?? 0;
    const ledger = createProcessLedger({ pidFile });
    onCleanup(() => {
      ledger.remove(pid);
      ledger.close();
    });
    ledger.add(pid);
    const copy = join(createFolder(), 'pids.json');
    copyFileSync(pidFile, copy);
    expect(sweepOrphans(copy)).toEqual([]);
    expect(isProcessAlive(pid)).toBe(true);
  });

  it('survives a file that is missing or cut off', () => {
    const pidFile = join(createFolder(), 'pids.json');
    expect(sweepOrphans(pidFile)).toEqual([]);
    writeFileSync(pidFile, '{"space":"x","proc');
    expect(sweepOrphans(pidFile)).toEqual([]);
  });
});
