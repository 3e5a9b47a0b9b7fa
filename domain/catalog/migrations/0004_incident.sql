-- Disasters: an incident as it stands, its events for ever, and the photos that were taken there.

CREATE TABLE incident (
    id         TEXT   NOT NULL PRIMARY KEY,
    name       TEXT   NOT NULL,
    state      TEXT   NOT NULL,
    version    BIGINT NOT NULL,
    changed_ms BIGINT NOT NULL,
    -- The incident, JSON; the columns beside it are for finding it.
    body       TEXT   NOT NULL
);
CREATE INDEX incident_by_change ON incident (changed_ms);

-- Every step: rows are added, never changed. `chain_sha256` covers the row and the one before it.
CREATE TABLE incident_event (
    incident     TEXT   NOT NULL REFERENCES incident (id),
    number       BIGINT NOT NULL,
    at_ms        BIGINT NOT NULL,
    kind         TEXT   NOT NULL,
    body         TEXT   NOT NULL,
    chain_sha256 TEXT   NOT NULL,
    PRIMARY KEY (incident, number)
);

-- The bytes are among the blobs, as those of attachments are.
CREATE TABLE incident_photo (
    id         TEXT   NOT NULL PRIMARY KEY,
    incident   TEXT   NOT NULL REFERENCES incident (id),
    name       TEXT   NOT NULL,
    media_type TEXT   NOT NULL,
    bytes      BIGINT NOT NULL,
    sha256     TEXT   NOT NULL,
    at_ms      BIGINT NOT NULL,
    -- Where and when it was taken, what it shows, who brought it: JSON.
    body       TEXT   NOT NULL
);
CREATE INDEX incident_photo_by_incident ON incident_photo (incident, at_ms);
