/** What must or should hold, and who says so. A test says that it holds it: `// Holds: id`. */
export interface Requirement {
  readonly id: string;
  /** RFC 2119. */
  readonly level: 'MUST' | 'SHOULD';
  readonly text: string;
  /** The revision and section of a specification, or the document of ours that promises it. */
  readonly source: string;
}
