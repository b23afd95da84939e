// What is known of a definition. Offsets count UTF-16 units of the file's text, lines count from 1.

export interface CodeSymbol {
  name: string;
  kind: string;
  /** Names of the definitions around it, outermost first, joined by "/"; empty at the top. */
  container: string;
  /** Of the whole definition, with its decorators and modifiers. */
  start: number;
  end: number;
  startLine: number;
  endLine: number;
  /** Of the name itself. */
  nameStart: number;
  nameEnd: number;
  /** First line of the definition, shortened. */
  signature: string;
}

/** A symbol's name with those around it, such as `Server/close`. */
export function toNamePath({ container, name }: Pick<CodeSymbol, 'container' | 'name'>): string {
  return container === '' ? name : `${container}/${name}`;
}
