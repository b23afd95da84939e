// Starts the load generator and speaks with it.
import { fork } from 'node:child_process';
import { join } from 'node:path';
import type { Answered, Asked, CommandName, Reply } from './commands.ts';

export interface LoadProcess {
  /** @param onEdge called when the measured time begins and when it ends */
  ask<N extends CommandName>(
    command: N,
    asked: Asked<N>,
    onEdge?: (edge: 'begin' | 'end') => void,
  ): Promise<Answered<N>>;
  close(): Promise<void>;
}

interface Waiting {
  readonly resolve: (answer: unknown) => void;
  readonly reject: (error: Error) => void;
  readonly onEdge: ((edge: 'begin' | 'end') => void) | undefined;
}

export function createLoadProcess(): LoadProcess {
  const child = fork(join(import.meta.dirname, 'main.ts'), {
    serialization: 'advanced',
    stdio: ['ignore', 'ignore', 'inherit', 'ipc'],
  });
  const waiting = new Map<number, Waiting>();
  let last = 0;
  let isOver = false;
  const gone = new Promise<void>((resolve) => {
    child.once('exit', (code) => {
      isOver = true;
      const error = new Error(`The load generator ended with ${code}.`);
      for (const { reject } of waiting.values()) reject(error);
      waiting.clear();
      resolve();
    });
  });
  child.on('message', (message) => {
    const reply = message as Reply; // from main.ts only
    const asked = waiting.get(reply.id);
    if ('edge' in reply) {
      asked?.onEdge?.(reply.edge);
      return;
    }
    waiting.delete(reply.id);
    if ('failure' in reply) asked?.reject(new Error(reply.failure));
    else asked?.resolve(reply.answer);
  });
  return {
    ask<N extends CommandName>(
      command: N,
      asked: Asked<N>,
      onEdge?: (edge: 'begin' | 'end') => void,
    ) {
      if (isOver) return Promise.reject(new Error('The load generator has ended.'));
      const id = (last += 1);
      return new Promise<Answered<N>>((resolve, reject) => {
        // What a command is answered with is told by commands.ts to both sides.
        waiting.set(id, { resolve: resolve as (answer: unknown) => void, reject, onEdge });
        child.send({ id, command, asked });
      });
    },
    async close() {
      if (child.connected) child.disconnect();
      await gone;
    },
  };
}
