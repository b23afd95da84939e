// Which tables a backup carries, read from the database, so that a migration that adds one needs
// nothing here.
import type { ClientBase } from 'pg';
import type { BackupTable } from './format.ts';

/**
 * Tables in an order in which each comes after those it refers to. Transaction ids are left out: they
 * mean something in one cluster only, and a restored row gets that of its restore.
 */
export async function listTables(client: ClientBase): Promise<readonly BackupTable[]> {
  const { rows } = await client.query<BackupTable & { parents: string[] }>(`
    select c.relname::text as table,
      array(select attname::text from pg_attribute
        where attrelid = c.oid and attnum > 0 and not attisdropped and attgenerated = ''
          and atttypid <> 'xid8'::regtype
        order by attnum) as columns,
      array(select distinct p.relname::text from pg_constraint f join pg_class p on p.oid = f.confrelid
        where f.conrelid = c.oid and f.contype = 'f' and p.oid <> c.oid) as parents
    from pg_class c
    where c.relnamespace = current_schema()::regnamespace and c.relkind in ('r', 'p')
      and not c.relispartition and c.relname <> 'migrations'
    order by c.relname`);
  const sorted: BackupTable[] = [];
  const visit = ({ table, columns, parents }: (typeof rows)[number]): void => {
    if (sorted.some((done) => done.table === table)) return;
    for (const row of rows) if (parents.includes(row.table)) visit(row);
    sorted.push({ table, columns });
  };
  for (const row of rows) visit(row);
  return sorted;
}

/** An SQL identifier. */
export function quote(name: string): string {
  return `"${name.replaceAll('"', '""')}"`;
}
