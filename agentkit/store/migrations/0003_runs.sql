-- Runs that outlive their process. A worker that takes a run raises its life; each write of an
-- effect or an event holds for one life only.

CREATE TABLE ak_runs (
    id              TEXT PRIMARY KEY,
    tenant          TEXT NOT NULL,
    agent           TEXT NOT NULL,
    conversation_id TEXT REFERENCES ak_conversations (id) ON DELETE SET NULL,
    segment         BIGINT NOT NULL,
    life            BIGINT NOT NULL,
    status          TEXT NOT NULL CHECK (status IN
        ('queued', 'running', 'suspended', 'done', 'failed', 'cancelled', 'dead')),
    input           TEXT NOT NULL,
    result          TEXT,
    error           TEXT,
    stop_reason     TEXT,
    usage           TEXT,
    cost_usd        DOUBLE PRECISION,
    parent_run      TEXT,
    created_at      BIGINT NOT NULL,
    started_at      BIGINT,
    ended_at        BIGINT
)

CREATE INDEX ak_runs_by_age ON ak_runs (tenant, created_at, id)

CREATE INDEX ak_runs_unfinished ON ak_runs (status) WHERE status IN ('queued', 'running', 'suspended')

CREATE INDEX ak_runs_of_conversation ON ak_runs (conversation_id) WHERE conversation_id IS NOT NULL

CREATE TABLE ak_effects (
    run_id   TEXT NOT NULL REFERENCES ak_runs (id) ON DELETE CASCADE,
    key      TEXT NOT NULL,
    life     BIGINT NOT NULL,
    value    TEXT,
    begun_at BIGINT NOT NULL,
    done_at  BIGINT,
    PRIMARY KEY (run_id, key)
)

CREATE TABLE ak_events (
    run_id  TEXT NOT NULL REFERENCES ak_runs (id) ON DELETE CASCADE,
    segment BIGINT NOT NULL,
    seq     BIGINT NOT NULL,
    at      BIGINT NOT NULL,
    event   TEXT NOT NULL,
    PRIMARY KEY (run_id, segment, seq)
)

CREATE TABLE ak_decisions (
    run_id     TEXT NOT NULL REFERENCES ak_runs (id) ON DELETE CASCADE,
    segment    BIGINT NOT NULL,
    call_id    TEXT NOT NULL,
    verdict    TEXT NOT NULL,
    arguments  TEXT,
    reason     TEXT,
    decided_by TEXT,
    at         BIGINT NOT NULL,
    PRIMARY KEY (run_id, segment, call_id)
)
