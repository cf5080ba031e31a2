// The statements of the PostgreSQL store. Each is a transaction of its own. Times go in and out as microseconds since the
// epoch: a JavaScript Date has milliseconds only.
//
// No statement waits for a row that somebody else has locked, so none of them can deadlock, and the clock is never older
// than the lock on the row. A change of the holder locks the row FOR UPDATE, all else FOR NO KEY UPDATE: a transaction of
// the user that has the row FOR KEY SHARE keeps the lock from changing hands, and the holder can still renew it.

/** One statement; with a name it is prepared once for each connection. */
export interface Statement {
  readonly name: string;
  readonly text: string;
}

/** now() would be the time when the statement began. */
const CLOCK = 'clock_timestamp()';
/** What is read of a row. */
const ROW = `locks.version, locks.owner, locks.holder, locks.process, locks.fencing_token,
  ${micros('locks.expires_at')} AS expires_at, locks.ledger, ${micros(CLOCK)} AS now`;
/** What is written of a row. */
const WANTED = `unnest($1::text[], $2::bigint[], $3::boolean[], $4::bigint[], $5::text[], $6::text[], $7::text[],
    $8::bigint[], $9::bigint[], $10::bigint[], $11::text[], $12::text[], $13::text[])
    AS wanted (name, version, kept, expired_at, owner, holder, process,
      expires_at, fencing_token, keep_until, ledger, channel, news)`;

export type StatementName = keyof ReturnType<typeof textsOf>;

/** @param table its qualified name */
export function statementsOf(table: string): Readonly<Record<StatementName, Statement>> {
  const named = Object.entries(textsOf(table)).map(([name, text]) => [
    name,
    { name: `exclusive_lock_${name}`, text },
  ]);
  return Object.fromEntries(named) as Record<StatementName, Statement>;
}

function textsOf(table: string) {
  return {
    /** One name; one row, with the time in any case. */
    readOne: `
      SELECT ${ROW} FROM (SELECT $1::text AS name) AS asked LEFT JOIN ${table} AS locks ON locks.name = asked.name`,

    /** Different names; a row for each, in their order. */
    read: `
      SELECT ${ROW}
      FROM unnest($1::text[]) WITH ORDINALITY AS asked (name, position)
      LEFT JOIN ${table} AS locks ON locks.name = asked.name ORDER BY position`,

    /** A name to begin at, one to end before, and how many. */
    list: `
      SELECT locks.name, ${ROW} FROM ${table} AS locks
      WHERE locks.name >= $1 AND locks.name < $2 AND locks.expires_at > ${CLOCK} ORDER BY locks.name LIMIT $3`,

    /** Changes the holder of a single row that has not changed since it was read. A hold that was renewed has. */
    writeOne: `
      WITH mine AS (
        SELECT name FROM ${table}
        WHERE name = $1 AND version = $2 AND expires_at IS NOT DISTINCT FROM ${instant('$3')}
        FOR UPDATE SKIP LOCKED
      )
      UPDATE ${table} AS locks SET version = version + 1, owner = $4, holder = $5, process = $6,
        expires_at = ${instant('$7')}, fencing_token = $8, keep_until = ${instant('$9')}, ledger = $10
      FROM mine WHERE locks.name = mine.name RETURNING locks.name`,

    /**
     * Writes rows, the missing ones too, and sends the news of them. The first version of a row is a time, so that one
     * that was removed and made anew has none that it had before.
     */
    write: `
      WITH wanted AS (SELECT * FROM ${WANTED}),
      changing AS (
        SELECT locks.name FROM ${table} AS locks JOIN wanted ON locks.name = wanted.name
        WHERE NOT wanted.kept AND locks.version = wanted.version
          AND locks.expires_at IS NOT DISTINCT FROM ${instant('wanted.expired_at')}
        ORDER BY locks.name FOR UPDATE OF locks SKIP LOCKED
      ),
      staying AS (
        SELECT locks.name FROM ${table} AS locks JOIN wanted ON locks.name = wanted.name
        WHERE wanted.kept AND locks.version = wanted.version
        ORDER BY locks.name FOR NO KEY UPDATE OF locks SKIP LOCKED
      ),
      changed AS (
        UPDATE ${table} AS locks SET version = locks.version + 1,
          owner = CASE WHEN kept THEN locks.owner ELSE wanted.owner END,
          holder = CASE WHEN kept THEN locks.holder ELSE wanted.holder END,
          process = CASE WHEN kept THEN locks.process ELSE wanted.process END,
          expires_at = CASE WHEN kept THEN locks.expires_at ELSE ${instant('wanted.expires_at')} END,
          fencing_token = wanted.fencing_token, keep_until = ${instant('wanted.keep_until')}, ledger = wanted.ledger
        FROM wanted JOIN (SELECT name FROM changing UNION ALL SELECT name FROM staying) AS mine
          ON mine.name = wanted.name
        WHERE locks.name = mine.name RETURNING locks.name
      ),
      made AS (
        INSERT INTO ${table} (name, version, owner, holder, process, expires_at, fencing_token, keep_until, ledger)
        SELECT name, ${micros(CLOCK)}, owner, holder, process,
          ${instant('expires_at')}, fencing_token, ${instant('keep_until')}, ledger
        FROM wanted WHERE version IS NULL ORDER BY name
        ON CONFLICT DO NOTHING RETURNING name
      )
      SELECT wanted.name, CASE WHEN channel IS NOT NULL THEN pg_notify(channel, news)::text END AS told
      FROM (SELECT name FROM changed UNION ALL SELECT name FROM made) AS written
      JOIN wanted ON wanted.name = written.name`,

    /** Names, owners, and TTLs in milliseconds. */
    renew: `
      WITH mine AS (
        SELECT locks.name, locks.owner, wanted.ttl FROM ${table} AS locks
        JOIN unnest($1::text[], $2::text[], $3::float8[]) AS wanted (name, owner, ttl) ON locks.name = wanted.name
        WHERE locks.owner = wanted.owner AND locks.expires_at > ${CLOCK}
        ORDER BY locks.name FOR NO KEY UPDATE OF locks SKIP LOCKED
      )
      UPDATE ${table} AS locks SET expires_at = ${CLOCK} + mine.ttl * interval '1 millisecond'
      FROM mine WHERE locks.name = mine.name RETURNING mine.name, mine.owner`,

    /** Names, owners, and for how long to keep the rows, in milliseconds. */
    free: `
      WITH mine AS (
        SELECT locks.name, locks.owner, wanted.keep_for FROM ${table} AS locks
        JOIN unnest($1::text[], $2::text[], $3::float8[]) AS wanted (name, owner, keep_for) ON locks.name = wanted.name
        WHERE locks.owner = wanted.owner AND locks.ledger = '' AND locks.expires_at > ${CLOCK}
        ORDER BY locks.name FOR UPDATE OF locks SKIP LOCKED
      )
      UPDATE ${table} AS locks SET version = version + 1, owner = NULL, holder = NULL, process = NULL, expires_at = NULL,
        keep_until = greatest(keep_until, ${CLOCK} + mine.keep_for * interval '1 millisecond')
      FROM mine WHERE locks.name = mine.name RETURNING mine.name, mine.owner`,

    /** Processes; those whose listening session has ended, which had this lock for as long as it lasted. */
    gone: `
      SELECT process FROM unnest($1::text[]) AS asked (process)
      WHERE pg_try_advisory_xact_lock_shared(process::bigint)`,

    /** Removes what is not needed any more of so many rows after a name; replies with the last name of these. */
    sweep: `
      WITH page AS (
        SELECT name, keep_until, expires_at FROM ${table} WHERE name > $1 ORDER BY name LIMIT $2
      ),
      unused AS (
        SELECT locks.name FROM ${table} AS locks JOIN page ON locks.name = page.name
        WHERE locks.keep_until < ${CLOCK}
          AND (locks.expires_at IS NULL OR locks.expires_at < ${CLOCK} - $3 * interval '1 millisecond')
        FOR UPDATE OF locks SKIP LOCKED
      ),
      removed AS (DELETE FROM ${table} WHERE name IN (SELECT name FROM unused))
      SELECT max(name) AS name FROM page`,
  };
}

/** A time as microseconds since the epoch. */
function micros(time: string): string {
  return `(extract(epoch FROM ${time}) * 1000000)::bigint`;
}

/** The other way round. */
function instant(microseconds: string): string {
  return `(timestamptz 'epoch' + ${microseconds}::bigint * interval '1 microsecond')`;
}
