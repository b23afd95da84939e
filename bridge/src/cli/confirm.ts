// A question to whoever sits at the terminal. Nobody is asked where nobody can answer.
import { createInterface } from 'node:readline/promises';
import type { Terminal } from './terminal.ts';

/** Whether somebody sees what is said and can answer it. */
export function canAsk({ stdin, stderr }: Terminal): boolean {
  return stdin.isTTY === true && stderr.isTTY === true;
}

/** False for anything but a yes. Rejects when the command is interrupted. */
export async function confirm(terminal: Terminal, question: string): Promise<boolean> {
  const lines = createInterface({ input: terminal.stdin });
  terminal.stderr.write(`${question} [y/N] `);
  try {
    const answer = await new Promise<string>((resolve, reject) => {
      lines.once('line', resolve);
      lines.once('close', () => resolve(''));
      terminal.signal.addEventListener('abort', () => reject(terminal.signal.reason), {
        once: true,
      });
    });
    return /^y(es)?$/i.test(answer.trim());
  } finally {
    lines.close();
  }
}
