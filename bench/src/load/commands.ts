// What the bench asks of its load generator, which is a process of its own, and what that answers.
import type { Target, Tool } from './connection.ts';
import type { Driven } from './drive.ts';
import type { Followed } from './follow.ts';

export interface Times {
  readonly warmupMs: number;
  readonly measureMs: number;
}

export interface HttpRead {
  readonly url: string;
  readonly headers: Readonly<Record<string, string>>;
}

/** By name: what is asked, and what is answered. */
export interface Commands {
  /** Connects and makes a first call, again and again until there is an answer or `deadlineMs` is over. */
  open: [
    { readonly name: string; readonly target: Target; readonly deadlineMs: number },
    { readonly pid: number | undefined },
  ];
  /** Calls a tool in a closed loop. */
  call: [{ readonly name: string; readonly tool: Tool; readonly callers: number } & Times, Driven];
  /** GETs in a closed loop. */
  read: [HttpRead & { readonly callers: number } & Times, Driven];
  /** Follows a run's live stream while calls are made over the named connection. */
  follow: [
    HttpRead & {
      readonly name: string;
      readonly readers: number;
      readonly calls: number;
      readonly intervalMs: number;
    },
    Followed,
  ];
  close: [{ readonly name: string }, undefined];
}

export type CommandName = keyof Commands;
export type Asked<N extends CommandName> = Commands[N][0];
export type Answered<N extends CommandName> = Commands[N][1];

export interface Request<N extends CommandName = CommandName> {
  readonly id: number;
  readonly command: N;
  readonly asked: Asked<N>;
}

export type Reply =
  | { readonly id: number; readonly edge: 'begin' | 'end' }
  | { readonly id: number; readonly answer: unknown }
  | { readonly id: number; readonly failure: string };
