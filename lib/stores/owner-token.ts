const BEFORE_TOKEN = '{"token":"';

/** How a record begins, and no other: enough to know it again, and much shorter where thousands are sent or kept. */
export function beginningOf(record: string): string {
  if (!record.startsWith(BEFORE_TOKEN)) return record;
  return record.slice(0, record.indexOf('"', BEFORE_TOKEN.length) + 1);
}
