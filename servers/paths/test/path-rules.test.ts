import { describe, expect, it } from 'vitest';
import { isInside, parsePath, refusalOf } from '../src/path-rules.ts';

describe('a path', () => {
  it.each([
    ['/a/b', '/a/b', true],
    ['/a/b', '/a/b/c', true],
    ['/a/b', '/a/bc', false],
    ['/a/b', '/a/b/../c', false],
    ['/a/b', '/a', false],
    ['/a/b', '/a/b/..c', true],
    ['/', '/etc', true],
  ])('in %s: %s is %s', (folder, path, inside) => {
    expect(isInside(folder, path, 'linux')).toBe(inside);
  });

  it('on Windows is compared without regard to case, and not across drives', () => {
    expect(isInside('C:\\Work', 'c:\\work\\a', 'win32')).toBe(true);
    expect(isInside('C:\\Work', 'C:\\Workshop', 'win32')).toBe(false);
    expect(isInside('C:\\Work', 'D:\\Work\\a', 'win32')).toBe(false);
  });

  it.each([
    'a.txt.',
    'a.txt ',
    'a.txt:stream',
    'a.txt::$DATA',
    'CON',
    'nul.txt',
    'sub\\com1.log',
    'LPT\u00B9',
    '\\\\server\\share\\a',
    '\\\\?\\C:\\a',
    '//./pipe/a',
  ])('on Windows is refused where the system reads another name: %s', (path) => {
    expect(() => parsePath(path, 'C:\\Work', 'win32')).toThrow(/is not a plain path/);
  });

  it('on Windows is taken where it is plain', () => {
    expect(parsePath('sub\\a.txt', 'C:\\Work', 'win32')).toBe('C:\\Work\\sub\\a.txt');
    expect(parsePath('..\\x', 'C:\\Work', 'win32')).toBe('C:\\x');
    expect(parsePath('D:/a', 'C:\\Work', 'win32')).toBe('D:\\a');
    expect(parsePath('console.txt', 'C:\\Work', 'win32')).toBe('C:\\Work\\console.txt');
  });

  it("is refused in Drawbridge's folder and in the kernel's, unless the root itself is there", () => {
    expect(refusalOf('/w/state/token', '/w', ['/w/state'])).toContain('Drawbridge');
    expect(refusalOf('/w/a/.Drawbridge/x', '/w', [])).toContain('Drawbridge');
    expect(refusalOf('/w/.drawbridge-trash/x', '/w', [])).toBeUndefined();
    expect(refusalOf('/proc/1/environ', '/', [])).toContain('kernel');
    expect(refusalOf('/process/x', '/', [])).toBeUndefined();
    expect(refusalOf('/dev/shm/w/x', '/dev/shm/w', [])).toBeUndefined();
  });
});
