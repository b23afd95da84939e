// `${VAR}` in the settings file, in every form that MCP clients write. An unset variable is an issue
// that names it; what came from a variable is remembered, because it may be a secret.
import type { Issue } from './issues.ts';

export interface VariableScope {
  readonly env: Readonly<Record<string, string | undefined>>;
  /** What `${workspaceFolder}` stands for. */
  readonly workspaceFolder: string;
}

export interface Expansion {
  readonly text: string;
  readonly issues: readonly Issue[];
  /** What each variable was replaced with. */
  readonly used: readonly { readonly name: string; readonly value: string }[];
}

const form = /^(?:env:)?([A-Za-z_][A-Za-z0-9_]*)(?::-(.*))?$/s;

/** Replaces the variables of one string. `path` says where it stands, for the issues. */
export function expandVariables(text: string, path: string, scope: VariableScope): Expansion {
  const issues: Issue[] = [];
  const used: { name: string; value: string }[] = [];
  const expanded = text.replaceAll(/\$\{([^}]*)\}/g, (whole, inside: string) => {
    if (inside === 'workspaceFolder') return scope.workspaceFolder;
    if (inside.startsWith('input:')) {
      const name = toVariableName(inside.slice('input:'.length));
      issues.push({
        path,
        message: `${whole} is a question that VS Code asks its user; set an environment variable and write \${${name}} instead`,
      });
      return '';
    }
    const [, name, fallback] = form.exec(inside) ?? [];
    if (name === undefined) {
      issues.push({
        path,
        message: `${whole} is not a variable known here; allowed: \${VAR}, \${VAR:-default}, \${env:VAR}, \${workspaceFolder}`,
      });
      return '';
    }
    const value = scope.env[name];
    if (value === undefined && fallback === undefined) {
      issues.push({
        path,
        message: `the environment variable ${name} is not set; set it before the start, or write \${${name}:-default}`,
      });
      return '';
    }
    // As in a shell, `:-` also stands in for a variable that is set to nothing.
    const replacement =
      value === undefined || (value === '' && fallback !== undefined) ? fallback : value;
    used.push({ name, value: replacement ?? '' });
    return replacement ?? '';
  });
  return { text: expanded, issues, used };
}

/** The name of a variable for something else's name: `github-token` → `GITHUB_TOKEN`. */
export function toVariableName(text: string): string {
  const name = text
    .toUpperCase()
    .replaceAll(/[^A-Z0-9]+/g, '_')
    .replaceAll(/^_+|_+$/g, '');
  return /^[A-Z]/.test(name) ? name : `VALUE_${name}`;
}
