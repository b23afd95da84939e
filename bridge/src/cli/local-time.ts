// Times as their reader's clock shows them; with --json they stay ISO 8601 in UTC.

function pad(value: number, digits = 2) {
  return String(value).padStart(digits, '0');
}

/** `14:03:07.123` */
export function toClock(at: string): string {
  const date = new Date(at);
  return `${toTime(date)}.${pad(date.getMilliseconds(), 3)}`;
}

/** `2026-11-21 14:03:07` */
export function toDateTime(at: string): string {
  const date = new Date(at);
  return `${date.getFullYear()}-${pad(date.getMonth() + 1)}-${pad(date.getDate())} ${toTime(date)}`;
}

function toTime(date: Date): string {
  return [date.getHours(), date.getMinutes(), date.getSeconds()].map((part) => pad(part)).join(':');
}
