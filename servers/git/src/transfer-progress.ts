// Git's own progress, as that of the call.
import type { CallContext } from '@drawbridge/kit';

/** Reads lines such as `Receiving objects:  42% (420/1000)`. */
export function toTransferProgress({ progress }: Pick<CallContext, 'progress'>) {
  let [step, last] = ['', 0];
  let [base, told]: [number, Promise<void>] = [0, Promise.resolve()];
  return (piece: string): void => {
    for (const [, name = '', percent = '0'] of piece.matchAll(/([A-Z][\w ]+): +(\d{1,3})%/g)) {
      if (name !== step) [step, base] = [name, last];
      last = base + Number(percent);
      // A caller that went away is noticed by the signal.
      told = told
        .then(() => progress(last, undefined, `${name} ${percent}%`))
        .catch(() => undefined);
    }
  };
}
