// What a step of a call's way is: it gets the call and knows only the next one.
import type { Call, Outcome } from './call.ts';

export type Handler<In extends Call> = (call: In) => Promise<Outcome>;
export type Step<In extends Call, Out extends Call> = (
  call: In,
  next: Handler<Out>,
) => Promise<Outcome>;
