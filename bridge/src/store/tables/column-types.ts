// Column types that drizzle does not bring, or brings differently from what the migrations make.
import { customType, timestamp } from 'drizzle-orm/pg-core';

export const bytea = customType<{ data: Buffer; driverData: Buffer }>({
  dataType: () => 'bytea',
});

/** A 64-bit transaction id, as decimal text. */
export const xid8 = customType<{ data: string; driverData: string }>({
  dataType: () => 'xid8',
});

export function moment(name: string) {
  return timestamp(name, { withTimezone: true });
}
