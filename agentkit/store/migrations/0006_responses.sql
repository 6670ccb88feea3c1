-- Answers in the OpenAI responses format that other requests go on with; each is at an entry of a
-- conversation.

CREATE TABLE ak_responses (
    id              TEXT PRIMARY KEY,
    tenant          TEXT NOT NULL,
    agent           TEXT NOT NULL,
    conversation_id TEXT NOT NULL REFERENCES ak_conversations (id) ON DELETE CASCADE,
    entry_id        TEXT NOT NULL,
    response        TEXT NOT NULL,
    items           TEXT NOT NULL,
    created_at      BIGINT NOT NULL
)

CREATE INDEX ak_responses_of_conversation ON ak_responses (conversation_id)
