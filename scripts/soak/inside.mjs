// Loaded into the bridge's process before it. At SIGUSR2 it steps that process's wall clock to the
// offset that stands in a file, and collects garbage, so that memory is measured without what is dead.
import { readFileSync } from 'node:fs';

const RealDate = Date;
const realNow = Date.now;
let offset = 0;

RealDate.now = () => realNow() + offset;
globalThis.Date = new Proxy(RealDate, {
  construct: (target, args, newTarget) =>
    Reflect.construct(target, args.length === 0 ? [RealDate.now()] : args, newTarget),
  apply: () => new RealDate(RealDate.now()).toString(),
});

process.on('SIGUSR2', () => {
  offset = Number(readFileSync(process.env.DRAWBRIDGE_SOAK_CLOCK, 'utf8'));
  globalThis.gc?.();
});
