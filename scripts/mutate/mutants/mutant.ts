// A fault that is planted to see whether a test notices.

export interface Mutant {
  /** What is broken, in a few words. */
  readonly name: string;
  /** Below the root. */
  readonly file: string;
  /** A piece of the file that occurs once, and what takes its place. */
  readonly find: string;
  readonly replace: string;
  /** Test files that should notice, the quickest first. */
  readonly tests: readonly string[];
  /** Why no test can notice; then it is not run, and listed with the reason. */
  readonly survives?: string;
}
