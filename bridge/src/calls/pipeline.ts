// The order of a call's steps: route → record → admit → write ahead → send. Each step is a file of its
// own and knows only the next one. A step that adds a property to a call writes it before the spread of
// the call (`{ target, ...call }`). Written after it, V8 makes a hidden class for every call, which takes
// five times as long and is freed only by a full garbage collection.
import type { Call, RoutedCall } from './call.ts';
import type { Recordable } from './call-record.ts';
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
