// File systems that show the kernel's state as files: reading one can block, change something or tell
// the secrets of other processes. They may be mounted anywhere, so it is the type that counts.
import { readFileSync, statfsSync } from 'node:fs';
import { isSystemError } from './system-errors.ts';

/** By the names of /proc/self/mountinfo, with the magic numbers of statfs(2). */
const KERNEL_TYPES: Readonly<Record<string, number>> = {
  proc: 0x9fa0,
  sysfs: 0x62656572,
  cgroup: 0x27e0eb,
  cgroup2: 0x63677270,
  debugfs: 0x64626720,
  tracefs: 0x74726163,
  securityfs: 0x73636673,
  configfs: 0x62656570,
  bpf: 0xcafe4a11,
  pstore: 0x6165676c,
  efivarfs: 0xde5e81e4,
  selinuxfs: 0xf97cff8c,
  binfmt_misc: 0x42494e4d,
  mqueue: 0x19800202,
  devpts: 0x1cd1,
  nsfs: 0x6e736673,
};
const MAGIC_NUMBERS = new Set(Object.values(KERNEL_TYPES));

/** Whether what is at `path`, which may be a descriptor's, lies on such a file system. */
export function isKernelFile(path: string): boolean {
  return MAGIC_NUMBERS.has(statfsSync(path).type);
}

/** Where such file systems are mounted; nothing on systems that do not say. */
export function listKernelMounts(): string[] {
  let table: string;
  try {
    table = readFileSync('/proc/self/mountinfo', 'utf8');
  } catch (error) {
    if (isSystemError(error, 'ENOENT', 'EACCES', 'ENOTDIR')) return [];
    throw error;
  }
  return table.split('\n').flatMap((line) => {
    const [before = '', after = ''] = line.split(' - ');
    const path = before.split(' ')[4];
    if (path === undefined || !((after.split(' ')[0] ?? '') in KERNEL_TYPES)) return [];
    return [
      path.replaceAll(/\\(\d{3})/g, (_, octal: string) => String.fromCharCode(parseInt(octal, 8))),
    ];
  });
}
