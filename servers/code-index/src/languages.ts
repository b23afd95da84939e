// Which language a file is in, by its name, and what is particular about each. C is read with the
// grammar of C++, which takes nearly all of it.
import type { Grammar } from './queries.ts';

export interface Language {
  readonly name: string;
  readonly grammar: Grammar;
  readonly extensions: readonly string[];
  /** Whole names of files. */
  readonly names?: readonly string[];
  /** What a name may look like. */
  readonly identifier: RegExp;
  /** Languages that share one space of names with this one. */
  readonly family: string;
}

const USUAL = /^[\p{L}_][\p{L}\p{M}\p{N}_]*$/u;
const ECMASCRIPT = /^#?[\p{L}_$][\p{L}\p{M}\p{N}_$]*$/u;

export const LANGUAGES: readonly Language[] = [
  {
    name: 'typescript',
    grammar: 'typescript',
    extensions: ['ts', 'mts', 'cts'],
    identifier: ECMASCRIPT,
    family: 'ecmascript',
  },
  {
    name: 'tsx',
    grammar: 'tsx',
    extensions: ['tsx'],
    identifier: ECMASCRIPT,
    family: 'ecmascript',
  },
  {
    name: 'javascript',
    grammar: 'javascript',
    extensions: ['js', 'mjs', 'cjs', 'jsx'],
    identifier: ECMASCRIPT,
    family: 'ecmascript',
  },
  {
    name: 'python',
    grammar: 'python',
    extensions: ['py', 'pyi', 'pyw'],
    identifier: USUAL,
    family: 'python',
  },
  { name: 'go', grammar: 'go', extensions: ['go'], identifier: USUAL, family: 'go' },
  { name: 'rust', grammar: 'rust', extensions: ['rs'], identifier: USUAL, family: 'rust' },
  { name: 'java', grammar: 'java', extensions: ['java'], identifier: USUAL, family: 'java' },
  { name: 'c', grammar: 'cpp', extensions: ['c', 'h'], identifier: USUAL, family: 'c' },
  {
    name: 'cpp',
    grammar: 'cpp',
    extensions: ['cc', 'cpp', 'cxx', 'hh', 'hpp', 'hxx', 'ipp', 'inl'],
    identifier: USUAL,
    family: 'c',
  },
  { name: 'csharp', grammar: 'c-sharp', extensions: ['cs'], identifier: USUAL, family: 'csharp' },
  {
    name: 'ruby',
    grammar: 'ruby',
    extensions: ['rb', 'rake', 'gemspec'],
    names: ['Rakefile', 'Gemfile'],
    identifier: /^[\p{L}_][\p{L}\p{M}\p{N}_]*[?!=]?$/u,
    family: 'ruby',
  },
  { name: 'php', grammar: 'php', extensions: ['php', 'phtml'], identifier: USUAL, family: 'php' },
  {
    name: 'bash',
    grammar: 'bash',
    extensions: ['sh', 'bash', 'bats'],
    names: ['.bashrc', '.bash_profile', '.profile'],
    identifier: /^[A-Za-z_][\w-]*$/,
    family: 'bash',
  },
  {
    name: 'css',
    grammar: 'css',
    extensions: ['css'],
    identifier: /^-{0,2}[\p{L}_][\p{L}\p{N}_-]*$/u,
    family: 'css',
  },
];

/** Text that is searched by its words, though not parsed. */
const TEXT_EXTENSIONS = new Set(
  (
    'md mdx markdown rst adoc txt html htm vue svelte astro xml yaml yml toml ini cfg conf properties sql graphql ' +
    'proto kt kts swift scala dart lua pl pm r jl ex exs erl hs clj elm zig nim scss sass less tf gradle ' +
    'cmake json jsonc json5 ps1 bat fish zsh m mm fs vb groovy'
  ).split(' '),
);
const TEXT_NAMES = new Set(['Dockerfile', 'Makefile', 'README', 'CMakeLists.txt', 'Justfile']);
/** Written by machines, and read by them. */
const GENERATED =
  /(?:^|\/)(?:package-lock\.json|npm-shrinkwrap\.json|pnpm-lock\.yaml|[^/]*\.min\.(?:js|css)|[^/]*\.map)$/;

const byExtension = new Map(
  LANGUAGES.flatMap((language) => language.extensions.map((each) => [each, language] as const)),
);
const byName = new Map(
  LANGUAGES.flatMap((language) => (language.names ?? []).map((each) => [each, language] as const)),
);
const byLanguage = new Map(LANGUAGES.map((language) => [language.name, language]));

function extensionOf(name: string): string {
  const dot = name.lastIndexOf('.');
  return dot < 0 ? '' : name.slice(dot + 1).toLowerCase();
}

function nameOf(path: string): string {
  return path.slice(path.lastIndexOf('/') + 1);
}

export function languageOf(path: string): Language | undefined {
  const name = nameOf(path);
  return byName.get(name) ?? byExtension.get(extensionOf(name));
}

export function languageNamed(name: string): Language | undefined {
  return byLanguage.get(name);
}

/** What becomes of a file by its name alone. */
export function kindOf(path: string): 'code' | 'text' | 'generated' | 'other' {
  if (GENERATED.test(path)) return 'generated';
  if (languageOf(path) !== undefined) return 'code';
  const name = nameOf(path);
  return TEXT_NAMES.has(name) || TEXT_EXTENSIONS.has(extensionOf(name)) ? 'text' : 'other';
}
