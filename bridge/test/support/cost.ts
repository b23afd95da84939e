// What work costs, whoever else is at work on the machine.

/** Milliseconds of processor time that this process took for it. */
export function cpuMs(work: () => void): number {
  const before = process.cpuUsage();
  work();
  const { user, system } = process.cpuUsage(before);
  return (user + system) / 1_000;
}
