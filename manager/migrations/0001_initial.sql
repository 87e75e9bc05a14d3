-- Entities are kept whole, as JSON documents: they are read into memory at start and answered
-- from there, so the database needs no columns of theirs.
CREATE TABLE entity (
    kind TEXT NOT NULL,
    id TEXT NOT NULL,
    document TEXT NOT NULL,
    PRIMARY KEY (kind, id)
) WITHOUT ROWID;

-- The audit log.
CREATE TABLE event (
    id INTEGER PRIMARY KEY,
    time INTEGER NOT NULL,
    code INTEGER NOT NULL,
    document TEXT NOT NULL
);
CREATE INDEX event_time ON event (time);

-- Passwords of the internal domain, as PHC strings of argon2id.
CREATE TABLE credential (
    user_id TEXT PRIMARY KEY,
    hash TEXT NOT NULL,
    must_change INTEGER NOT NULL,
    expires INTEGER
) WITHOUT ROWID;

-- Logins. A token is never kept, only its SHA-256. Times are those of the clock that cannot be
-- set, of the boot that is named.
CREATE TABLE session (
    id TEXT PRIMARY KEY,
    token_hash BLOB NOT NULL UNIQUE,
    user_id TEXT NOT NULL,
    purpose TEXT NOT NULL,
    must_change INTEGER NOT NULL,
    boot TEXT NOT NULL,
    started INTEGER NOT NULL,
    used INTEGER NOT NULL,
    start_time INTEGER NOT NULL,
    source TEXT
) WITHOUT ROWID;
