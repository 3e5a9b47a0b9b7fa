-- People, and how departments decide a project together. The rules are elsewhere; these rows only remember.
-- Instants are UTC milliseconds, truth values 0 and 1, JSON is TEXT.

CREATE TABLE unit (
    id      TEXT   NOT NULL PRIMARY KEY,
    name    TEXT   NOT NULL,
    parent  TEXT   REFERENCES unit (id),
    active  BIGINT NOT NULL,
    version BIGINT NOT NULL
);

CREATE TABLE account (
    id              TEXT   NOT NULL PRIMARY KEY,
    -- What is typed at log-in.
    name            TEXT   NOT NULL UNIQUE,
    display_name    TEXT   NOT NULL,
    unit            TEXT   NOT NULL REFERENCES unit (id),
    roles           TEXT   NOT NULL,
    -- A PHC string; never the password.
    password        TEXT   NOT NULL,
    must_change     BIGINT NOT NULL,
    active          BIGINT NOT NULL,
    failures        BIGINT NOT NULL,
    locked_until_ms BIGINT NOT NULL,
    version         BIGINT NOT NULL,
    created_ms      BIGINT NOT NULL
);

-- Only the fingerprint of a token is kept: who reads this table can log in as nobody.
CREATE TABLE session (
    token_sha256 TEXT   NOT NULL PRIMARY KEY,
    account      TEXT   NOT NULL REFERENCES account (id),
    created_ms   BIGINT NOT NULL,
    seen_ms      BIGINT NOT NULL
);
CREATE INDEX session_by_account ON session (account);

-- What a request with that key was answered, so that asking twice does once.
CREATE TABLE kept_answer (
    account        TEXT   NOT NULL,
    request_key    TEXT   NOT NULL,
    request_sha256 TEXT   NOT NULL,
    status         BIGINT NOT NULL,
    body           TEXT   NOT NULL,
    recorded_ms    BIGINT NOT NULL,
    PRIMARY KEY (account, request_key)
);
CREATE INDEX kept_answer_by_time ON kept_answer (recorded_ms);

CREATE TABLE project (
    id         TEXT   NOT NULL PRIMARY KEY,
    code       TEXT   NOT NULL UNIQUE,
    name       TEXT   NOT NULL,
    applicant  TEXT   NOT NULL,
    lead_unit  TEXT   NOT NULL,
    officer    TEXT   NOT NULL,
    state      TEXT   NOT NULL,
    version    BIGINT NOT NULL,
    created_ms BIGINT NOT NULL,
    changed_ms BIGINT NOT NULL,
    -- The project as it stands, JSON; the columns beside it are for finding it.
    body       TEXT   NOT NULL
);
CREATE INDEX project_by_change ON project (changed_ms);

-- Every step, for ever: rows are added, never changed. `chain_sha256` covers the row and the one before it.
CREATE TABLE project_event (
    project      TEXT   NOT NULL REFERENCES project (id),
    number       BIGINT NOT NULL,
    at_ms        BIGINT NOT NULL,
    kind         TEXT   NOT NULL,
    body         TEXT   NOT NULL,
    chain_sha256 TEXT   NOT NULL,
    PRIMARY KEY (project, number)
);

CREATE TABLE project_red_line (
    project TEXT   NOT NULL REFERENCES project (id),
    version BIGINT NOT NULL,
    -- The delivered numbers and the place in degrees, JSON.
    body    TEXT   NOT NULL,
    PRIMARY KEY (project, version)
);

-- Which revisions the checks of a project stood on.
CREATE TABLE project_reliance (
    project     TEXT NOT NULL REFERENCES project (id),
    slug        TEXT NOT NULL,
    revision_id TEXT NOT NULL,
    PRIMARY KEY (project, slug, revision_id)
);
CREATE INDEX project_reliance_by_revision ON project_reliance (slug, revision_id);

-- For whom a project waits: of which unit, for which act.
CREATE TABLE project_wait (
    project TEXT NOT NULL REFERENCES project (id),
    unit    TEXT NOT NULL,
    act     TEXT NOT NULL,
    PRIMARY KEY (project, unit, act)
);
CREATE INDEX project_wait_by_unit ON project_wait (unit, act);

CREATE TABLE project_scene (
    project TEXT   NOT NULL PRIMARY KEY REFERENCES project (id),
    version BIGINT NOT NULL,
    body    TEXT   NOT NULL
);

CREATE TABLE attachment (
    id         TEXT   NOT NULL PRIMARY KEY,
    project    TEXT   NOT NULL REFERENCES project (id),
    name       TEXT   NOT NULL,
    media_type TEXT   NOT NULL,
    bytes      BIGINT NOT NULL,
    sha256     TEXT   NOT NULL,
    at_ms      BIGINT NOT NULL,
    -- Who brought it, JSON.
    brought_by TEXT   NOT NULL
);
CREATE INDEX attachment_by_project ON attachment (project);

-- What the provincial platform has been told, one row a project: the last attempt.
CREATE TABLE project_push (
    project         TEXT   NOT NULL PRIMARY KEY REFERENCES project (id),
    project_version BIGINT NOT NULL,
    state           TEXT   NOT NULL,
    attempts        BIGINT NOT NULL,
    next_ms         BIGINT NOT NULL,
    problem         TEXT   NOT NULL
);
CREATE INDEX project_push_by_time ON project_push (state, next_ms);

-- 差异图斑台账: one row a patch of a finished difference job.
CREATE TABLE ledger_row (
    id         TEXT   NOT NULL PRIMARY KEY,
    job        TEXT   NOT NULL,
    patch      TEXT   NOT NULL,
    state      TEXT   NOT NULL,
    unit       TEXT   NOT NULL,
    version    BIGINT NOT NULL,
    changed_ms BIGINT NOT NULL,
    body       TEXT   NOT NULL,
    UNIQUE (job, patch)
);
CREATE INDEX ledger_row_by_unit ON ledger_row (unit, state);

CREATE TABLE ledger_event (
    ledger_row TEXT   NOT NULL REFERENCES ledger_row (id),
    number     BIGINT NOT NULL,
    at_ms      BIGINT NOT NULL,
    kind       TEXT   NOT NULL,
    body       TEXT   NOT NULL,
    PRIMARY KEY (ledger_row, number)
);

-- What was done to accounts, units and settings, and who logged in; rows are added, never changed.
CREATE TABLE administration_event (
    number  BIGINT NOT NULL PRIMARY KEY,
    at_ms   BIGINT NOT NULL,
    account TEXT   NOT NULL,
    kind    TEXT   NOT NULL,
    body    TEXT   NOT NULL
);
