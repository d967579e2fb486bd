-- Ids are UUIDs in 16 bytes; times are nanoseconds since 1970-01-01T00:00:00Z; words are the model's own in lower case.
-- `sequence` counts rows as they came: it settles what clocks leave open. `text_bytes` is what of a row counts in its
-- owner's quota besides files.

CREATE TABLE users (
    id            BLOB PRIMARY KEY NOT NULL,
    email         TEXT NOT NULL UNIQUE,
    password_hash TEXT NOT NULL,
    created_at    INTEGER NOT NULL
) STRICT, WITHOUT ROWID;

CREATE TABLE blobs (
    id        BLOB PRIMARY KEY NOT NULL,
    folder    TEXT NOT NULL,
    extension TEXT NOT NULL,
    hash      TEXT NOT NULL,
    size      INTEGER NOT NULL,
    UNIQUE (hash, folder, extension)
) STRICT, WITHOUT ROWID;

-- Videos and assets: they share their names in scripts, their quota and their end. A video has a status, an asset a
-- kind.
CREATE TABLE media (
    sequence             INTEGER PRIMARY KEY,
    id                   BLOB NOT NULL UNIQUE,
    owner                BLOB NOT NULL,
    asset_kind           TEXT,
    status               TEXT,
    original_name        TEXT NOT NULL,
    blob                 BLOB REFERENCES blobs (id),
    made_operation       TEXT,
    made_of              BLOB,
    made_script          TEXT,
    made_script_spelling TEXT,
    made_script_vars     TEXT,
    made_output          TEXT,
    made_job             BLOB,
    width                INTEGER,
    height               INTEGER,
    fps                  REAL,
    duration             REAL,
    codec                TEXT,
    format               TEXT,
    frames               INTEGER,
    audio_codec          TEXT,
    sample_rate          INTEGER,
    channels             INTEGER,
    variable             INTEGER,
    deleted              INTEGER NOT NULL,
    created_at           INTEGER NOT NULL,
    text_bytes           INTEGER NOT NULL
        AS (coalesce(octet_length(made_script) + octet_length(made_script_vars), 0)) VIRTUAL,
    CHECK ((asset_kind IS NULL) <> (status IS NULL)),
    CHECK (asset_kind IS NULL OR blob IS NOT NULL),
    CHECK (status <> 'ready' OR blob IS NOT NULL)
) STRICT;
CREATE INDEX media_listed ON media (owner, asset_kind, created_at, sequence) WHERE deleted = 0;
-- What an owner keeps is summed from these alone, without a look at the rows.
CREATE INDEX media_kept ON media (owner, blob, text_bytes);
CREATE INDEX media_of_blob ON media (blob) WHERE blob IS NOT NULL;
CREATE INDEX media_deleted ON media (id) WHERE deleted = 1;

-- What a result's script names. No reference: a source is a row of media as long as its owner did not lose it.
CREATE TABLE media_sources (
    media    BLOB NOT NULL REFERENCES media (id) ON DELETE CASCADE,
    position INTEGER NOT NULL,
    source   BLOB NOT NULL,
    PRIMARY KEY (media, position)
) STRICT, WITHOUT ROWID;
CREATE INDEX media_sources_by_source ON media_sources (source);

CREATE TABLE projects (
    sequence    INTEGER PRIMARY KEY,
    id          BLOB NOT NULL UNIQUE,
    owner       BLOB NOT NULL,
    name        TEXT NOT NULL,
    description TEXT NOT NULL,
    timeline    TEXT NOT NULL,
    settings    TEXT NOT NULL,
    script      TEXT,
    created_at  INTEGER NOT NULL,
    updated_at  INTEGER NOT NULL,
    text_bytes  INTEGER NOT NULL AS (octet_length(name) + octet_length(description) + octet_length(timeline)
        + octet_length(settings) + coalesce(octet_length(script), 0)) VIRTUAL
) STRICT;
CREATE INDEX projects_listed ON projects (owner, created_at, sequence);
CREATE INDEX projects_kept ON projects (owner, text_bytes);

CREATE TABLE jobs (
    sequence        INTEGER PRIMARY KEY,
    id              BLOB NOT NULL UNIQUE,
    owner           BLOB NOT NULL,
    operation       TEXT NOT NULL,
    script          TEXT NOT NULL,
    script_spelling TEXT NOT NULL,
    script_vars     TEXT NOT NULL,
    video           BLOB,
    priority        INTEGER NOT NULL,
    webhook         TEXT,
    state           TEXT NOT NULL,
    progress        REAL NOT NULL,
    fps             REAL NOT NULL,
    eta_seconds     REAL,
    segment         INTEGER NOT NULL,
    diagnostics     TEXT NOT NULL,
    error_code      TEXT,
    error_message   TEXT,
    error_help      TEXT,
    attempts        INTEGER NOT NULL,
    crashes         INTEGER NOT NULL,
    revision        INTEGER NOT NULL,
    created_at      INTEGER NOT NULL,
    started_at      INTEGER,
    finished_at     INTEGER,
    not_before      INTEGER,
    text_bytes      INTEGER NOT NULL AS (octet_length(script) + octet_length(script_vars)) VIRTUAL
) STRICT;
CREATE INDEX jobs_listed ON jobs (owner, created_at, sequence);
CREATE INDEX jobs_kept ON jobs (owner, id, text_bytes);
CREATE INDEX jobs_queued ON jobs (owner, priority DESC, sequence) WHERE state = 'queued';
CREATE INDEX jobs_running ON jobs (owner) WHERE state = 'running';
CREATE INDEX jobs_of_video ON jobs (video) WHERE video IS NOT NULL;
CREATE INDEX jobs_ended ON jobs (finished_at) WHERE finished_at IS NOT NULL;

CREATE TABLE job_sources (
    job      BLOB NOT NULL REFERENCES jobs (id) ON DELETE CASCADE,
    position INTEGER NOT NULL,
    source   BLOB NOT NULL,
    PRIMARY KEY (job, position)
) STRICT, WITHOUT ROWID;
CREATE INDEX job_sources_by_source ON job_sources (source);

-- Files that a job made. One that became a video lives and goes with it; the others are the job's own.
CREATE TABLE job_outputs (
    job      BLOB NOT NULL REFERENCES jobs (id) ON DELETE CASCADE,
    position INTEGER NOT NULL,
    name     TEXT NOT NULL,
    blob     BLOB NOT NULL,
    size     INTEGER NOT NULL,
    video    BLOB,
    PRIMARY KEY (job, position)
) STRICT, WITHOUT ROWID;
CREATE INDEX job_outputs_of_blob ON job_outputs (blob);

-- Which owner's turn it was last: fair shares must not depend on a clock.
CREATE TABLE turns (
    owner BLOB PRIMARY KEY NOT NULL,
    turn  INTEGER NOT NULL
) STRICT, WITHOUT ROWID;
CREATE INDEX turns_by_turn ON turns (turn);

-- A key stands for the job that was stored with it, or for the video that is made later.
CREATE TABLE idempotency_keys (
    owner      BLOB NOT NULL,
    key        TEXT NOT NULL,
    body       TEXT NOT NULL,
    job        BLOB REFERENCES jobs (id) ON DELETE CASCADE,
    video      BLOB REFERENCES media (id) ON DELETE CASCADE,
    created_at INTEGER NOT NULL,
    PRIMARY KEY (owner, key),
    CHECK ((job IS NULL) <> (video IS NULL))
) STRICT, WITHOUT ROWID;
CREATE INDEX idempotency_keys_by_age ON idempotency_keys (created_at);
CREATE INDEX idempotency_keys_of_job ON idempotency_keys (job) WHERE job IS NOT NULL;
CREATE INDEX idempotency_keys_of_video ON idempotency_keys (video) WHERE video IS NOT NULL;

CREATE TABLE uploads (
    id         BLOB PRIMARY KEY NOT NULL,
    owner      BLOB NOT NULL,
    length     INTEGER NOT NULL,
    received   INTEGER NOT NULL,
    metadata   TEXT NOT NULL,
    became     BLOB,
    created_at INTEGER NOT NULL,
    expires_at INTEGER NOT NULL
) STRICT, WITHOUT ROWID;
CREATE INDEX uploads_open ON uploads (owner, length) WHERE became IS NULL;
CREATE INDEX uploads_by_expiry ON uploads (expires_at);

-- Written to find out whether the database can be written.
CREATE TABLE pulse (
    id    INTEGER PRIMARY KEY CHECK (id = 1),
    beats INTEGER NOT NULL
) STRICT;
INSERT INTO pulse (id, beats) VALUES (1, 0);
