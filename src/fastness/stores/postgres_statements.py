"""The statements of a `PostgresStore`: each is one round trip, and a transaction of its own.

What has to be true when it is written is part of the statement, so that two servers which ask at the same moment are put
in order by PostgreSQL's row locks; nothing is read first and written later. The tables have a schema of their own, which
only the account that made it may use: whoever reads them knows who is signed in.

ASVS 5.0: V1.2.4 (values are parameters), V15.4.2, V14.2.4.
"""

from typing import Final

SCHEMA_VERSION: Final = 1

CREATE_SCHEMA: Final = "CREATE SCHEMA fastness_store"
TABLES: Final = (
    """CREATE TABLE fastness_store.entry (
        key bytea NOT NULL PRIMARY KEY,
        value bytea NOT NULL,
        version bigint NOT NULL,
        expires_at double precision,
        owner text COLLATE "C"
    )""",
    "CREATE INDEX entry_owner ON fastness_store.entry (owner) WHERE owner IS NOT NULL",
    "CREATE INDEX entry_expires_at ON fastness_store.entry (expires_at) WHERE expires_at IS NOT NULL",
    """CREATE TABLE fastness_store.owner_epoch (owner text COLLATE "C" NOT NULL PRIMARY KEY, epoch bigint NOT NULL)""",
    "CREATE TABLE fastness_store.schema_version (version integer NOT NULL PRIMARY KEY)",
)
# A query, not to_regclass(): that would ask a cache which another session's new table reaches only later.
HAS_TABLES: Final = """SELECT EXISTS (
    SELECT 1 FROM pg_catalog.pg_tables WHERE schemaname = 'fastness_store' AND tablename = 'schema_version')"""
# Asked first, because "IF NOT EXISTS" asks for the right to make schemas even where there is nothing to make.
HAS_SCHEMA: Final = "SELECT EXISTS (SELECT 1 FROM pg_catalog.pg_namespace WHERE nspname = 'fastness_store')"
READ_VERSION: Final = "SELECT max(version) FROM fastness_store.schema_version"
WRITE_VERSION: Final = "INSERT INTO fastness_store.schema_version VALUES ($1)"
LOCK: Final = "SELECT pg_advisory_xact_lock($1)"

GET: Final = """SELECT entry.value, entry.version, entry.expires_at, entry.owner, coalesce(owner_epoch.epoch, 0)
    FROM fastness_store.entry LEFT JOIN fastness_store.owner_epoch ON owner_epoch.owner = entry.owner
    WHERE entry.key = $1"""

_INSERT: Final = """INSERT INTO fastness_store.entry (key, value, expires_at, owner, version) VALUES ($1, $2, $3, $4, $5)
    ON CONFLICT (key) DO UPDATE SET value = excluded.value, expires_at = excluded.expires_at, owner = excluded.owner,
    version = excluded.version"""
PUT: Final = f"{_INSERT} RETURNING version"
PUT_IF_ABSENT: Final = f"{_INSERT} WHERE entry.expires_at <= $6 RETURNING version"
PUT_IF_VERSION: Final = """UPDATE fastness_store.entry SET value = $2, expires_at = $3, owner = $4, version = $5
    WHERE key = $1 AND version = $7 AND (expires_at IS NULL OR expires_at > $6) RETURNING version"""

DELETE: Final = """DELETE FROM fastness_store.entry WHERE key = $1
    RETURNING expires_at IS NULL OR expires_at > $2"""
# `substring` of a bytea counts bytes, so the prefix is compared exactly; LIKE would know wildcards.
_OWNED: Final = "entry.owner = $1 AND substring(entry.key FROM 1 FOR length($2::bytea)) = $2"
_DELETED_OWNED: Final = f"{_OWNED} AND ($3::bytea IS NULL OR entry.key <> $3)"
# How many were live, and whether all that the statement saw went. A row that was written while the statement waited for it may
# belong to its owner no more, and what took its place is not seen: a session that gets a new id at this moment.
DELETE_OWNED: Final = f"""WITH deleted AS (
        DELETE FROM fastness_store.entry WHERE {_DELETED_OWNED} RETURNING expires_at
    ) SELECT count(*) FILTER (WHERE expires_at IS NULL OR expires_at > $4),
        count(*) = (SELECT count(*) FROM fastness_store.entry WHERE {_DELETED_OWNED})
    FROM deleted"""  # noqa: S608  # nosec B608 # constants of this file
LIST_OWNED: Final = f"""SELECT entry.key, entry.value, entry.version, entry.expires_at, entry.owner,
        coalesce(owner_epoch.epoch, 0)
    FROM fastness_store.entry LEFT JOIN fastness_store.owner_epoch ON owner_epoch.owner = entry.owner
    WHERE {_OWNED} AND (entry.expires_at IS NULL OR entry.expires_at > $3) ORDER BY entry.key"""  # noqa: S608  # nosec B608 # constants of this file

BUMP_EPOCH: Final = """INSERT INTO fastness_store.owner_epoch VALUES ($1, 1)
    ON CONFLICT (owner) DO UPDATE SET epoch = owner_epoch.epoch + 1 RETURNING epoch"""
BUMP_EPOCHS: Final = """INSERT INTO fastness_store.owner_epoch
    SELECT owner, 1 FROM unnest($1::text[]) WITH ORDINALITY AS bumped (owner, place) ORDER BY place
    ON CONFLICT (owner) DO UPDATE SET epoch = owner_epoch.epoch + 1"""
EPOCH: Final = "SELECT epoch FROM fastness_store.owner_epoch WHERE owner = $1"

_IS_OVER: Final = "entry.expires_at <= $5"
# A live record that is no number is left alone, and nothing is returned. `encode(…, 'escape')` never fails, whatever the
# bytes are; the expression names the digits because PostgreSQL's own cast takes spaces, underscores and hexadecimals.
INCREMENT: Final = f"""INSERT INTO fastness_store.entry (key, value, expires_at, version)
    VALUES ($1, convert_to($2, 'UTF8'), $3, $4)
    ON CONFLICT (key) DO UPDATE SET
        value = CASE WHEN {_IS_OVER} THEN excluded.value
            ELSE convert_to((encode(entry.value, 'escape')::numeric + $2::text::numeric)::text, 'UTF8') END,
        expires_at = CASE WHEN {_IS_OVER} THEN excluded.expires_at ELSE entry.expires_at END,
        owner = CASE WHEN {_IS_OVER} THEN NULL ELSE entry.owner END,
        version = excluded.version
    WHERE {_IS_OVER} OR encode(entry.value, 'escape') ~ '^-?[0-9]+$'
    RETURNING value"""  # noqa: S608  # nosec B608 # constants of this file

# The row as it was when its lock was held, which no snapshot shows; what is no number is left alone.
TAKE: Final = """WITH held AS (
        SELECT key, value, CASE WHEN encode(value, 'escape') ~ '^-?[0-9]+$'
            THEN encode(value, 'escape')::numeric END AS total
        FROM fastness_store.entry WHERE key = $1 AND (expires_at IS NULL OR expires_at > $4) FOR UPDATE
    ), taken AS (
        UPDATE fastness_store.entry SET version = $3,
            value = convert_to(greatest(held.total - $2::text::numeric, 0)::text, 'UTF8')
        FROM held WHERE entry.key = held.key AND held.total > 0
    ) SELECT value FROM held"""

# Rows that another worker removes at this moment are its business: nobody waits, and nobody waits in a circle.
PURGE: Final = """WITH expired AS (
        SELECT key FROM fastness_store.entry WHERE expires_at <= $1 ORDER BY expires_at LIMIT $2 FOR UPDATE SKIP LOCKED
    ), deleted AS (
        DELETE FROM fastness_store.entry USING expired WHERE entry.key = expired.key RETURNING 1
    ) SELECT count(*) FROM deleted"""
