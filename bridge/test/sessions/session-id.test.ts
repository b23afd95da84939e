import { expect, test } from 'vitest';
import { v7 } from 'uuid';
import { fromSessionId, toSessionId } from '../../src/sessions/session-id.ts';

const runId = v7();

test('an id made with the secret leads back to its run', () => {
  expect(fromSessionId(toSessionId(runId, 'secret'), 'secret')).toBe(runId);
});

test.each([
  ['another secret', toSessionId(runId, 'other')],
  [
    'a run of somebody else under this MAC',
    `${toSessionId(v7(), 'secret').split('.')[0]}.${toSessionId(runId, 'secret').split('.')[1]}`,
  ],
  ['no MAC', toSessionId(runId, 'secret').split('.')[0] ?? ''],
  ['a plain UUID', runId],
  ['nothing', ''],
  ['malformed', '\u0000'.repeat(45)],
])('is refused: %s', (_name, id) => {
  expect(fromSessionId(id, 'secret')).toBeUndefined();
});

test('holds only characters that the specification allows in a header', () => {
  expect(toSessionId(runId, 'secret')).toMatch(/^[\x21-\x7e]+$/);
});
