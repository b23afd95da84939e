// Every attack, in the order in which they are made.
import type { Attack } from './attack.ts';
import { callers } from './callers.ts';
import { connections } from './connections.ts';
import { doors } from './doors.ts';
import { hostileServers } from './hostile-servers.ts';
import { jsonBombs } from './json-bombs.ts';
import { oddText } from './odd-text.ts';
import { unread } from './unread.ts';

export const attacks: readonly Attack[] = [
  ...jsonBombs,
  ...connections,
  ...unread,
  ...callers,
  ...hostileServers,
  oddText,
  ...doors,
];
