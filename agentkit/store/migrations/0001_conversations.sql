-- Conversations as trees of entries. Times are microseconds since 1970, UTC.

CREATE TABLE ak_conversations (
    id          TEXT PRIMARY KEY,
    tenant      TEXT NOT NULL,
    agent       TEXT NOT NULL,
    title       TEXT NOT NULL,
    head        TEXT,
    version     BIGINT NOT NULL,
    forked_from TEXT,
    created_at  BIGINT NOT NULL,
    updated_at  BIGINT NOT NULL,
    deleted_at  BIGINT
)

CREATE INDEX ak_conversations_by_use ON ak_conversations (tenant, updated_at, id)

CREATE INDEX ak_conversations_deleted ON ak_conversations (deleted_at) WHERE deleted_at IS NOT NULL

CREATE INDEX ak_conversations_forks ON ak_conversations (forked_from) WHERE forked_from IS NOT NULL

-- A parent may belong to another conversation, from which this one was forked.

CREATE TABLE ak_entries (
    seq             SERIAL_KEY,
    id              TEXT NOT NULL UNIQUE,
    conversation_id TEXT NOT NULL REFERENCES ak_conversations (id) ON DELETE CASCADE,
    parent_id       TEXT,
    depth           BIGINT NOT NULL,
    role            TEXT NOT NULL,
    message         TEXT NOT NULL,
    message_version BIGINT NOT NULL,
    search_text     TEXT,
    run_id          TEXT,
    created_at      BIGINT NOT NULL
)

CREATE INDEX ak_entries_of_parent ON ak_entries (conversation_id, parent_id)
