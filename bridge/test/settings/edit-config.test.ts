import {
  mkdtempSync,
  readFileSync,
  readdirSync,
  rmSync,
  statSync,
  symlinkSync,
  writeFileSync,
} from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { describe, expect, it, onTestFinished } from 'vitest';
import { addServer, removeServer, writeConfigFile } from '../../src/settings/edit-config.ts';

const text = `{
    // our servers
    "mcpServers": {
        "a": { "command": "x" } // stays
    },
    "drawbridge": { "servers": { "a": { "timeout": "5s" } }, "toolsets": {} }
}
`;

describe('addServer', () => {
  it('keeps comments, indentation and everything else', () => {
    expect(addServer(text, 'b', { entry: { command: 'y', args: ['z'] } })).toBe(`{
    // our servers
    "mcpServers": {
        "a": { "command": "x" }, // stays
        "b": {
            "command": "y",
            "args": [
                "z"
            ]
        }
    },
    "drawbridge": { "servers": { "a": { "timeout": "5s" } }, "toolsets": {} }
}
`);
  });

  it('keeps a trailing comma, and a comment behind it', () => {
    const before = '{\n  "mcpServers": {\n    "a": {}, // one\n    // end\n  },\n}\n';
    expect(addServer(before, 'b', { entry: { command: 'y' } })).toBe(
      '{\n  "mcpServers": {\n    "a": {}, // one\n    "b": {\n      "command": "y"\n    },\n    // end\n  },\n}\n',
    );
  });

  it('keeps tabs and line ends as they are', () => {
    const edited = addServer('{\r\n\t"mcpServers": {}\r\n}\r\n', 'b', { entry: { command: 'y' } });
    expect(edited).toBe(
      '{\r\n\t"mcpServers": {\r\n\t\t"b": {\r\n\t\t\t"command": "y"\r\n\t\t}\r\n\t}\r\n}\r\n',
    );
  });

  it("adds to VS Code's key where that is the one in use", () => {
    expect(JSON.parse(addServer('{"servers":{}}', 'b', { entry: { url: 'http://h/' } }))).toEqual({
      servers: { b: { url: 'http://h/' } },
    });
  });

  it('starts from an empty file', () => {
    expect(JSON.parse(addServer('{}', 'b', { entry: { command: 'y' } }))).toEqual({
      mcpServers: { b: { command: 'y' } },
    });
  });

  it('replaces a server only when told so', () => {
    expect(() => addServer(text, 'a', { entry: { command: 'y' } })).toThrow(/configured already/);
    expect(addServer(text, 'a', { entry: { command: 'y' }, replace: true })).toContain('"y"');
  });
});

describe('removeServer', () => {
  it('takes our own settings for it away too', () => {
    const edited = removeServer(text, 'a');
    expect(edited).toContain('// our servers');
    expect(edited).not.toContain('"a"');
    expect(edited).toContain('"toolsets": {}');
  });

  it('refuses a server that is not there', () => {
    expect(() => removeServer(text, 'constructor')).toThrow(/No server "constructor"/);
  });
});

describe('writeConfigFile', () => {
  it('replaces what a link points to, keeps the mode, and leaves no draft behind', () => {
    const folder = mkdtempSync(join(tmpdir(), 'drawbridge-edit-'));
    onTestFinished(() => rmSync(folder, { recursive: true, force: true }));
    const target = join(folder, 'real.json');
    writeFileSync(target, '{}', { mode: 0o640 });
    symlinkSync(target, join(folder, 'link.json'));
    writeConfigFile(join(folder, 'link.json'), text);
    expect(readFileSync(target, 'utf8')).toBe(text);
    expect(statSync(target).mode & 0o777).toBe(0o640);
    expect(readdirSync(folder).sort()).toEqual(['link.json', 'real.json']);
  });
});
