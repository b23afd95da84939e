// The type of a pipeline step: it gets a call and the next step.
import type { Call, Outcome } from './call.ts';

export type Handler<In extends Call> = (call: In) => Promise<Outcome>;
export type Step<In extends Call, Out extends Call> = (
  call: In,
  next: Handler<Out>,
) => Promise<Outcome>;
