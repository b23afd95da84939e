import { expect, test } from 'vitest';
import { fromRootsHeader, toRootsHeader } from '../src/roots-header.ts';

test('roots signed with the secret of the home come back', () => {
  expect(fromRootsHeader(toRootsHeader(['/srv/a', '/ü'], 'secret'), 'secret')).toEqual([
    '/srv/a',
    '/ü',
  ]);
});

test.each([
  ['signed with another secret', toRootsHeader(['/'], 'other')],
  ['not signed', Buffer.from('["/"]').toString('base64url')],
  [
    'signed for other roots',
    `${Buffer.from('["/"]').toString('base64url')}.${toRootsHeader(['/a'], 'secret').split('.')[1]}`,
  ],
  ['empty', ''],
])('roots are refused when %s', (_name, header) => {
  expect(() => fromRootsHeader(header, 'secret')).toThrow(
    expect.objectContaining({ code: 'auth/forbidden' }),
  );
});
