import { describe, expect, it } from 'vitest';
import { isToken } from '../../src/secrets/secret-shapes.ts';
import { isSecretName } from '../../src/secrets/setting-secrets.ts';

describe('isSecretName', () => {
  it.each([
    'GITHUB_TOKEN',
    'api-key',
    'X-API-Key',
    'Authorization',
    'DB_PASSWORD',
    'AWS_SECRET_ACCESS_KEY',
    'PGPASSWORD',
    'AUTH',
    'OPENAI_KEY',
    'Cookie',
    'SERVICE_JWT',
  ])('takes %s for one', (name) => expect(isSecretName(name)).toBe(true));
  it.each(['GIT_AUTHOR_NAME', 'PATH', 'KEYBOARD', 'NODE_ENV', 'Accept', 'MONKEY', 'HOST'])(
    'does not take %s for one',
    (name) => expect(isSecretName(name)).toBe(false),
  );
});

describe('isToken', () => {
  it.each([
    `ghp_${'a1'.repeat(18)}`,
    `sk-proj-${'a1'.repeat(10)}`,
    `AKIA${'A1'.repeat(8)}`,
    `npm_${'a1'.repeat(18)}`,
    'eyJhbGciOiJIUzI1NiJ9.eyJzdWIiOiIxIn0.c2ln',
  ])('takes %s for one', (value) => expect(isToken(value)).toBe(true));
  it.each([
    'ghp_short',
    `see ghp_${'a1'.repeat(18)}`,
    `ghp_${'a1'.repeat(18)} and more`,
    'Bearer of the ring number 1',
    '//user:password@host',
  ])('does not take %s for one', (value) => expect(isToken(value)).toBe(false));
});
