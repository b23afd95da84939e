// Languages by the end of a file's name, and files that say how a project is started or built.

const byEnd: Readonly<Record<string, string>> = {
  ts: 'TypeScript', tsx: 'TypeScript', mts: 'TypeScript', cts: 'TypeScript',
  js: 'JavaScript', jsx: 'JavaScript', mjs: 'JavaScript', cjs: 'JavaScript',
  py: 'Python', pyi: 'Python', go: 'Go', rs: 'Rust', java: 'Java', kt: 'Kotlin', kts: 'Kotlin',
  c: 'C', h: 'C', cc: 'C++', cpp: 'C++', cxx: 'C++', hpp: 'C++', hh: 'C++', cs: 'C#', fs: 'F#',
  rb: 'Ruby', php: 'PHP', swift: 'Swift', scala: 'Scala', clj: 'Clojure', ex: 'Elixir', exs: 'Elixir',
  erl: 'Erlang', hs: 'Haskell', ml: 'OCaml', lua: 'Lua', pl: 'Perl', r: 'R', jl: 'Julia', dart: 'Dart',
  zig: 'Zig', sh: 'Shell', bash: 'Shell', zsh: 'Shell', ps1: 'PowerShell', sql: 'SQL',
  html: 'HTML', css: 'CSS', scss: 'CSS', less: 'CSS', vue: 'Vue', svelte: 'Svelte',
  json: 'JSON', yaml: 'YAML', yml: 'YAML', toml: 'TOML', xml: 'XML', md: 'Markdown', rst: 'reStructuredText',
  proto: 'Protocol Buffers', graphql: 'GraphQL', tf: 'Terraform', nix: 'Nix',
}; // prettier-ignore

const ENTRY_NAME =
  /^(?:package\.json|pyproject\.toml|setup\.py|requirements\.txt|go\.mod|cargo\.toml|makefile|dockerfile|docker-compose\.ya?ml|pom\.xml|build\.gradle(?:\.kts)?|gemfile|composer\.json|mix\.exs|cmakelists\.txt|meson\.build|flake\.nix|deno\.jsonc?|.+\.(?:sln|csproj|gemspec|cabal)|(?:main|index|app|server|__main__|manage)\.(?:ts|js|mjs|py|go|rs|c|cpp|rb|php|java))$/i;

export function toLanguage(name: string): string | undefined {
  const at = name.lastIndexOf('.');
  return at <= 0 ? undefined : byEnd[name.slice(at + 1).toLowerCase()];
}

export function isEntryPoint(name: string): boolean {
  return ENTRY_NAME.test(name);
}
