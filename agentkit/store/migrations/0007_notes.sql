-- Notes that agents remember, for each owner and agent. Times are microseconds since 1970, UTC.

CREATE TABLE ak_notes (
    seq        SERIAL_KEY,
    owner      TEXT NOT NULL,
    agent      TEXT NOT NULL,
    digest     TEXT NOT NULL,
    note       TEXT NOT NULL,
    created_at BIGINT NOT NULL,
    UNIQUE (owner, agent, digest)
)
