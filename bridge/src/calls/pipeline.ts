// The way of one call, in one place: route → record → admit → write ahead → send. Each step is its
// own file and knows only the next; this file is their order. What a step adds to a call stands before
// the call's spread: after it, V8 makes a hidden class for each call, five times as slow and left for
// the full collector.
import type { Call, RoutedCall } from './call.ts';
import type { Recordable } from './record.ts';
import type { RefusableCall } from './route.ts';
import type { Handler, Step } from './step.ts';

export interface PipelineSteps {
  readonly route: Step<Call, RefusableCall>;
  readonly record: Step<RefusableCall, Recordable<RefusableCall>>;
  readonly admit: Step<Recordable<RefusableCall>, Recordable<RoutedCall>>;
  readonly writeAhead: Step<Recordable<RoutedCall>, RoutedCall>;
  readonly send: Handler<RoutedCall>;
}

/** Composes the steps once; the result carries every call of every front. */
export function createPipeline(steps: PipelineSteps): Handler<Call> {
  const writeAhead: Handler<Recordable<RoutedCall>> = (call) => steps.writeAhead(call, steps.send);
  const admit: Handler<Recordable<RefusableCall>> = (call) => steps.admit(call, writeAhead);
  const record: Handler<RefusableCall> = (call) => steps.record(call, admit);
  return (call) => steps.route(call, record);
}
