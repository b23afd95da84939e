import {
  chmodSync,
  existsSync,
  mkdtempSync,
  readdirSync,
  rmSync,
  statSync,
  writeFileSync,
} from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { loadSecret } from '../../src/settings/home-secret.ts';

let home: string;
beforeEach(() => {
  home = mkdtempSync(join(tmpdir(), 'drawbridge-home-'));
});
afterEach(() => rmSync(home, { recursive: true, force: true }));

describe('loadSecret', () => {
  it('makes one at the first start, for its owner only, and keeps it', () => {
    const made = loadSecret({ home: join(home, 'new') });
    expect(Buffer.from(made, 'base64url')).toHaveLength(32);
    expect(statSync(join(home, 'new', 'secret')).mode & 0o777).toBe(0o600);
    expect(loadSecret({ home: join(home, 'new') })).toBe(made);
    expect(readdirSync(join(home, 'new'))).toEqual(['secret']);
  });

  it('makes another where a full disk or a loss of power left an empty one', () => {
    writeFileSync(join(home, 'secret'), '');
    const made = loadSecret({ home });
    expect(Buffer.from(made, 'base64url')).toHaveLength(32);
    expect(loadSecret({ home })).toBe(made);
    expect(readdirSync(home)).toEqual(['secret']);
  });

  it('closes a file that others could read', () => {
    loadSecret({ home });
    chmodSync(join(home, 'secret'), 0o644);
    loadSecret({ home });
    expect(statSync(join(home, 'secret')).mode & 0o777).toBe(0o600);
  });

  it('writes nothing when the environment gives one', () => {
    expect(loadSecret({ home, secret: 'given' })).toBe('given');
    expect(existsSync(join(home, 'secret'))).toBe(false);
  });
});
