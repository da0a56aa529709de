-- Rows of a job's tasks are keyed `job_no << 32 | first_task`: rowid tables,
-- because a WITHOUT ROWID cell near 1 KiB overflows its page.
-- `sum` stands before `value`, so that reading it never walks overflow pages.

PRAGMA application_id = 1397441872; -- "SKEP"
PRAGMA user_version = 1;

CREATE TABLE store (
    one     INTEGER PRIMARY KEY CHECK (one = 1),
    id      BLOB    NOT NULL,
    commits INTEGER NOT NULL,
    sum     INTEGER NOT NULL
) STRICT;

CREATE TABLE meta (
    key   TEXT    PRIMARY KEY,
    value INTEGER NOT NULL,
    sum   INTEGER NOT NULL
) STRICT;

CREATE TABLE job (
    no      INTEGER PRIMARY KEY,
    id      BLOB    NOT NULL,
    ended   INTEGER NOT NULL,
    wall_ms INTEGER NOT NULL,
    sum     INTEGER NOT NULL,
    state   BLOB    NOT NULL
) STRICT;

-- Beside `job`, so that a change of state does not rewrite it.
CREATE TABLE spec (
    no    INTEGER PRIMARY KEY,
    sum   INTEGER NOT NULL,
    value BLOB    NOT NULL
) STRICT;

CREATE TABLE lease (
    id    INTEGER PRIMARY KEY,
    count INTEGER NOT NULL,
    sum   INTEGER NOT NULL,
    value BLOB    NOT NULL
) STRICT;

CREATE TABLE history (
    id    INTEGER PRIMARY KEY,
    count INTEGER NOT NULL,
    sum   INTEGER NOT NULL,
    value BLOB    NOT NULL
) STRICT;

CREATE TABLE result (
    id    INTEGER PRIMARY KEY,
    count INTEGER NOT NULL,
    sum   INTEGER NOT NULL,
    value BLOB    NOT NULL
) STRICT;

CREATE TABLE blob (
    digest BLOB    PRIMARY KEY,
    refs   INTEGER NOT NULL,
    sum    INTEGER NOT NULL
) STRICT;

CREATE TABLE name (
    name    TEXT    PRIMARY KEY,
    digest  BLOB    NOT NULL,
    bytes   INTEGER NOT NULL,
    wall_ms INTEGER NOT NULL,
    sum     INTEGER NOT NULL
) STRICT;

CREATE TABLE machine (
    id    BLOB    PRIMARY KEY,
    sum   INTEGER NOT NULL,
    value BLOB    NOT NULL
) STRICT;

-- The pool, persons, devices, codes and invites: a byte of kind, then the id.
CREATE TABLE registry (
    key   BLOB    PRIMARY KEY,
    sum   INTEGER NOT NULL,
    value BLOB    NOT NULL
) STRICT;
