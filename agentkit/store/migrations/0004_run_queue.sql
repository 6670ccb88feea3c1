-- The queue of runs. A run is due from `due_at` on, is done by `worker`, and `attempts` counts the
-- lives of its present segment; the event log has the beginning of `begun_segment`. `history` is where a suspended or ended run stands.

ALTER TABLE ak_runs ADD COLUMN attempts BIGINT NOT NULL DEFAULT 0

ALTER TABLE ak_runs ADD COLUMN worker TEXT

ALTER TABLE ak_runs ADD COLUMN due_at BIGINT NOT NULL DEFAULT 0

ALTER TABLE ak_runs ADD COLUMN cancel_requested BIGINT NOT NULL DEFAULT 0

ALTER TABLE ak_runs ADD COLUMN event_count BIGINT NOT NULL DEFAULT 0

ALTER TABLE ak_runs ADD COLUMN begun_segment BIGINT NOT NULL DEFAULT 0

ALTER TABLE ak_runs ADD COLUMN labels TEXT NOT NULL DEFAULT '{}'

ALTER TABLE ak_runs ADD COLUMN history TEXT

CREATE INDEX ak_runs_queued ON ak_runs (created_at, id) WHERE status = 'queued'

CREATE INDEX ak_runs_of_worker ON ak_runs (worker) WHERE status = 'running'

CREATE TABLE ak_schedules (
    name       TEXT PRIMARY KEY,
    tenant     TEXT NOT NULL,
    agent      TEXT NOT NULL,
    input      TEXT NOT NULL,
    labels     TEXT NOT NULL,
    cron       TEXT NOT NULL,
    next_at    BIGINT NOT NULL,
    created_at BIGINT NOT NULL
)

CREATE INDEX ak_schedules_by_time ON ak_schedules (next_at)
