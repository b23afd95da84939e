// `${…}` as clients write it, turned into what our settings know. What asks the user (VS Code's inputs)
// becomes an environment variable; what only the client can tell is named, and not guessed.
import { basename } from 'node:path';
import { toVariableName } from '../variables.ts';
import type { ClientInput } from './client-file.ts';

export interface VariableContext {
  readonly inputs: readonly ClientInput[];
  readonly platform: string;
  readonly cwd: string;
}

export interface ConvertedText {
  readonly text: string;
  /** Variables of the client that mean nothing here. */
  readonly unknown: readonly string[];
  /** Variables read from the environment, and why. */
  readonly used: readonly { readonly variable: string; readonly reason?: string }[];
}

export function convertVariables(text: string, context: VariableContext): ConvertedText {
  const { inputs, platform, cwd } = context;
  const unknown: string[] = [];
  const used: { variable: string; reason?: string }[] = [];
  const converted = text.replaceAll(/\$\{([^}]*)\}/g, (whole, inside: string) => {
    if (inside === 'workspaceFolder') return whole;
    if (inside === 'workspaceFolderBasename') return basename(cwd);
    if (inside === 'pathSeparator' || inside === '/') return platform === 'win32' ? '\\' : '/';
    if (inside === 'userHome') return platform === 'win32' ? '${USERPROFILE}' : '${HOME}';
    if (inside.startsWith('input:')) {
      const id = inside.slice('input:'.length);
      const input = inputs.find((known) => known.id === id);
      const variable = toVariableName(id);
      if (input?.default !== undefined) return `\${${variable}:-${input.default}}`;
      used.push({ variable, reason: `VS Code asks for it: ${input?.description ?? id}` });
      return `\${${variable}}`;
    }
    const [, name, fallback] = /^(?:env:)?([A-Za-z_]\w*)(?::-(.*))?$/s.exec(inside) ?? [];
    if (name === undefined) {
      unknown.push(whole);
      return whole;
    }
    if (fallback === undefined) used.push({ variable: name });
    return whole;
  });
  return { text: converted, unknown, used };
}
