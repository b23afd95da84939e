// Changes to the settings file made by a command: only the lines concerned change, comments and
// formatting stay, and a crash in between leaves the old file or the new one.
import { randomBytes } from 'node:crypto';
import {
  closeSync,
  existsSync,
  fsyncSync,
  openSync,
  readFileSync,
  realpathSync,
  renameSync,
  rmSync,
  statSync,
  writeSync,
} from 'node:fs';
import type { FormattingOptions } from 'jsonc-parser';
import { DrawbridgeError } from '../errors.ts';
import {
  applyEdits,
  createScanner,
  findNodeAtLocation,
  modify,
  parse,
  parseTree,
} from './jsonc.ts';

/** An entry as it is written under `mcpServers`. */
export type ServerEntry = Readonly<Record<string, unknown>>;

/** @throws DrawbridgeError `request/conflict` when the name is taken and `replace` is not set. */
export function addServer(
  text: string,
  name: string,
  options: { readonly entry: ServerEntry; readonly replace?: boolean },
): string {
  const place = findServer(text, name);
  if (place !== undefined && options.replace !== true) {
    throw new DrawbridgeError('request/conflict', `The server "${name}" is configured already`);
  }
  if (place !== undefined) return edit(text, place, options.entry);
  const collection = collectionOf(text);
  return (
    appendLine(text, collection, `${JSON.stringify(name)}: ${JSON.stringify(options.entry)}`) ??
    edit(text, [collection, name], options.entry)
  );
}

/** Also removes our own settings for it. @throws DrawbridgeError `upstream/unknown`. */
export function removeServer(text: string, name: string): string {
  const place = findServer(text, name);
  if (place === undefined) {
    throw new DrawbridgeError('upstream/unknown', `No server "${name}" is configured`);
  }
  const without = edit(text, place, undefined);
  const ours = ['drawbridge', 'servers', name];
  return valueAt(without, ours) === undefined ? without : edit(without, ours, undefined);
}

export function hasServer(text: string, name: string): boolean {
  return findServer(text, name) !== undefined;
}

/** Replaces the file in one step. A link is followed, so that it stays a link. */
export function writeConfigFile(path: string, text: string): void {
  const target = existsSync(path) ? realpathSync(path) : path;
  const mode = existsSync(target) ? statSync(target).mode & 0o777 : 0o644;
  const draft = `${target}.${process.pid}.${randomBytes(4).toString('hex')}`;
  try {
    const file = openSync(draft, 'wx', mode);
    try {
      writeSync(file, text);
      fsyncSync(file);
    } finally {
      closeSync(file);
    }
    renameSync(draft, target);
  } finally {
    rmSync(draft, { force: true });
  }
}

export function readConfigText(path: string): string {
  return existsSync(path) ? readFileSync(path, 'utf8') : '{}\n';
}

type Place = string[];

function findServer(text: string, name: string): Place | undefined {
  return ['mcpServers', 'servers']
    .map((collection) => [collection, name])
    .find((place) => valueAt(text, place) !== undefined);
}

function collectionOf(text: string): string {
  const hasOnlyServers =
    valueAt(text, ['mcpServers']) === undefined && valueAt(text, ['servers']) !== undefined;
  return hasOnlyServers ? 'servers' : 'mcpServers';
}

function valueAt(text: string, place: Place): unknown {
  return place.reduce<unknown>(
    (value, key) =>
      typeof value === 'object' && value !== null && Object.hasOwn(value, key)
        ? Reflect.get(value, key)
        : undefined,
    parse(text, [], { allowTrailingComma: true }),
  );
}

/**
 * Puts a property behind the last line of a collection written one server a line or more. jsonc-parser
 * alone would put it before a comment on that line, and reformat the line.
 */
function appendLine(text: string, collection: string, property: string): string | undefined {
  const tree = parseTree(text, [], { allowTrailingComma: true });
  const object = tree === undefined ? undefined : findNodeAtLocation(tree, [collection]);
  const last = object?.children?.at(-1);
  if (object === undefined || last === undefined) return undefined;
  const lastEnd = last.offset + last.length;
  const objectEnd = object.offset + object.length - 1;
  const lineEnd = text.indexOf('\n', lastEnd);
  if (lineEnd === -1 || lineEnd > objectEnd) return undefined;
  const { insertSpaces, tabSize = 1, eol = '\n' } = formattingOf(text);
  const indent = /[ \t]*$/.exec(text.slice(0, last.offset))?.[0] ?? '';
  const unit = insertSpaces === true ? ' '.repeat(tabSize) : '\t';
  const lines = JSON.stringify(JSON.parse(`{${property}}`), undefined, unit)
    .split('\n')
    .slice(1, -1)
    .map((line) => indent + line.slice(unit.length));
  const scanner = createScanner(text.slice(lastEnd, objectEnd), true);
  const comma = scanner.scan() === COMMA_TOKEN ? '' : ',';
  return [
    text.slice(0, lastEnd),
    comma,
    text.slice(lastEnd, lineEnd + 1),
    lines.join(eol),
    comma === '' ? ',' : '',
    eol,
    text.slice(lineEnd + 1),
  ].join('');
}

/** `SyntaxKind.CommaToken`: a const enum, which isolated modules cannot import. */
const COMMA_TOKEN = 5;

function edit(text: string, place: Place, value: ServerEntry | undefined): string {
  return applyEdits(text, modify(text, place, value, { formattingOptions: formattingOf(text) }));
}

/** The file's own indentation and line ends. */
function formattingOf(text: string): FormattingOptions {
  const indent = /^([ \t]+)\S/m.exec(text)?.[1] ?? '  ';
  return {
    insertSpaces: !indent.startsWith('\t'),
    tabSize: indent.startsWith('\t') ? 1 : indent.length,
    eol: text.includes('\r\n') ? '\r\n' : '\n',
  };
}
