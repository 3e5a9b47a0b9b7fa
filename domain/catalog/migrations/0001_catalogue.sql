-- The catalogue: what we hold and since when.
-- Written for SQLite and PostgreSQL alike: TEXT, BIGINT, DOUBLE PRECISION; instants are UTC milliseconds; JSON is TEXT.

CREATE TABLE dataset (
    slug        TEXT   NOT NULL PRIMARY KEY,
    kind        TEXT   NOT NULL,
    title       TEXT   NOT NULL,
    title_en    TEXT,
    description TEXT,
    -- JSON of the live source; NULL for datasets made of revisions.
    live        TEXT,
    recorded_ms BIGINT NOT NULL
);

CREATE TABLE revision (
    slug                TEXT   NOT NULL REFERENCES dataset (slug),
    id                  TEXT   NOT NULL,
    valid_from_ms       BIGINT NOT NULL,
    valid_to_ms         BIGINT,
    recorded_ms         BIGINT NOT NULL,
    responsible_unit    TEXT,
    classification      TEXT   NOT NULL,
    update_cycle        TEXT,
    source              TEXT,
    contact             TEXT,
    licence             TEXT,
    map_approval_number TEXT,
    crs                 TEXT   NOT NULL,
    height              TEXT   NOT NULL,
    west_deg            DOUBLE PRECISION NOT NULL,
    south_deg           DOUBLE PRECISION NOT NULL,
    east_deg            DOUBLE PRECISION NOT NULL,
    north_deg           DOUBLE PRECISION NOT NULL,
    min_height_m        DOUBLE PRECISION,
    max_height_m        DOUBLE PRECISION,
    provenance          TEXT   NOT NULL,
    assets              TEXT   NOT NULL,
    file_count          BIGINT NOT NULL,
    total_bytes         BIGINT NOT NULL,
    properties          TEXT   NOT NULL,
    PRIMARY KEY (slug, id)
);

-- Withdrawing is a new record; the revision itself stays for whoever asks what we knew before.
CREATE TABLE withdrawal (
    slug        TEXT   NOT NULL,
    revision_id TEXT   NOT NULL,
    recorded_ms BIGINT NOT NULL,
    operator    TEXT   NOT NULL,
    reason      TEXT   NOT NULL,
    PRIMARY KEY (slug, revision_id),
    FOREIGN KEY (slug, revision_id) REFERENCES revision (slug, id)
);

-- A running import owns its blobs by a lease; publishing consumes it, the sweep removes expired ones.
CREATE TABLE lease (
    slug        TEXT   NOT NULL,
    revision_id TEXT   NOT NULL,
    expires_ms  BIGINT NOT NULL,
    PRIMARY KEY (slug, revision_id)
);

CREATE INDEX revision_by_time ON revision (slug, valid_from_ms, recorded_ms);
