-- Analyses as jobs, and the versions of rule documents that a county has put in force.

CREATE TABLE analysis_job (
    id            TEXT   NOT NULL PRIMARY KEY,
    name          TEXT   NOT NULL,
    request       TEXT   NOT NULL,
    account       TEXT   NOT NULL,
    account_name  TEXT   NOT NULL,
    -- One answer for a request that was sent twice; NULL where the client gave none.
    request_key   TEXT,
    created_ms    BIGINT NOT NULL,
    -- queued, running, done, failed or cancelled.
    state         TEXT   NOT NULL,
    progress      DOUBLE PRECISION NOT NULL,
    doing         TEXT   NOT NULL,
    -- Who runs it, until when he is believed to be alive, how often it was begun, and in which order it was taken.
    worker        TEXT,
    lease_ms      BIGINT,
    attempts      BIGINT NOT NULL,
    turn          BIGINT,
    finished_ms   BIGINT,
    -- JSON: what came of it. The result itself is a blob, which is there before this is.
    outcome       TEXT,
    UNIQUE (account, request_key)
);

CREATE INDEX analysis_job_by_state ON analysis_job (state, created_ms);
CREATE INDEX analysis_job_by_account ON analysis_job (account, turn);
CREATE INDEX analysis_job_by_age ON analysis_job (created_ms);

CREATE TABLE rule_version (
    name              TEXT   NOT NULL,
    version           TEXT   NOT NULL,
    author            TEXT   NOT NULL,
    effective_from_ms BIGINT NOT NULL,
    text              TEXT   NOT NULL,
    recorded_ms       BIGINT NOT NULL,
    account           TEXT   NOT NULL,
    PRIMARY KEY (name, version)
);
