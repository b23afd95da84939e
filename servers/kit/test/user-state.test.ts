// What servers keep away from follows the user's lists while they run.
import {
  appendFile,
  mkdir,
  mkdtemp,
  realpath,
  rm,
  symlink,
  utimes,
  writeFile,
} from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { expect, it, onTestFinished } from 'vitest';
import { createUserState } from '../src/index.ts';

async function openUser() {
  const user = await realpath(await mkdtemp(join(tmpdir(), 'drawbridge-user-')));
  onTestFinished(() => rm(user, { recursive: true, force: true }));
  const state = join(user, '.local/state/drawbridge');
  return {
    user,
    state,
    userState: createUserState({ HOME: user }),
    async add(list: string, name: string, entry: unknown) {
      await mkdir(join(state, list), { recursive: true });
      await writeFile(join(state, list, name), JSON.stringify(entry));
    },
  };
}

it('names the home of the environment and the state folder, there or not', () => {
  const userState = createUserState({ DRAWBRIDGE_HOME: '/h/../home', XDG_STATE_HOME: '/x' });
  expect(userState.closedFolders()).toEqual(['/home', '/x/drawbridge']);
  expect(userState.settingsFiles()).toEqual([]);
});

it('names what is on the lists, as they change, and passes over what is damaged', async () => {
  const { user, state, userState, add } = await openUser();
  expect(userState.closedFolders()).toEqual([state]);
  await add('homes', 'a.json', { path: '/a' });
  await add('homes', 'b.json', { path: 'relative' });
  await add('homes', 'c.txt', { path: '/c' });
  expect(userState.closedFolders()).toEqual([state, '/a']);
  await writeFile(join(state, 'homes/d.json'), '{"path":');
  expect(userState.closedFolders()).toEqual([state, '/a']);
  // Written where it is: the folder does not change with it.
  await appendFile(join(state, 'homes/d.json'), '"/d"}');
  expect(userState.closedFolders()).toEqual([state, '/a', '/d']);
  await add('homes', 'home.json', { path: join(user, 'home') });
  await add('settings', 's.json', { path: '/s.json', text: 'x'.repeat(100_000) });
  await mkdir(join(user, 'home/settings'), { recursive: true });
  const own = JSON.stringify({ path: '/own.json', text: '' });
  await writeFile(join(user, 'home/settings/o.json'), own);
  expect(userState.settingsFiles()).toEqual(['/s.json', '/own.json']);
  await rm(join(state, 'homes/a.json'));
  expect(userState.closedFolders()).toEqual([state, '/d', join(user, 'home')]);
});

it('sees a change that leaves the time stamps of its folder as they were a moment ago', async () => {
  const { state, userState, add } = await openUser();
  for (let index = 0; index < 50; index += 1) {
    await add('homes', `${index}.json`, { path: `/${index}` });
    expect(userState.closedFolders()).toHaveLength(index + 2);
  }
  expect(userState.closedFolders()).toContain(state);
});

it('costs little where nothing changed', async () => {
  const { state, userState, add } = await openUser();
  for (let index = 0; index < 200; index += 1) {
    await add('homes', `${index}.json`, { path: `/nowhere/${index}` });
  }
  await utimes(join(state, 'homes'), 1, 1);
  userState.closedFolders();
  const before = performance.now();
  for (let turn = 0; turn < 1_000; turn += 1) userState.closedFolders();
  expect(performance.now() - before).toBeLessThan(1_000);
});

it('says that a list cannot be read, instead of taking it for empty', async () => {
  const { state, userState, add } = await openUser();
  await add('homes', 'a.json', { path: '/a' });
  await symlink('settings', join(state, 'settings'));
  expect(() => userState.settingsFiles()).toThrow('cannot be read');
  expect(userState.closedFolders()).toEqual([state, '/a']);
  await rm(join(state, 'homes'), { recursive: true });
  await writeFile(join(state, 'homes'), '');
  expect(() => userState.closedFolders()).toThrow('cannot be read');
});
