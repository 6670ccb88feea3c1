-- Tokens of clients, of which only a hash is kept; what tenants spent on a day, in millionths of a
-- dollar.

CREATE TABLE ak_tokens (
    id         TEXT PRIMARY KEY,
    hash       TEXT NOT NULL,
    tenant     TEXT NOT NULL,
    agents     TEXT,
    limits     TEXT NOT NULL,
    created_at BIGINT NOT NULL,
    expires_at BIGINT,
    revoked_at BIGINT
)

CREATE TABLE ak_usage (
    tenant            TEXT NOT NULL,
    day               TEXT NOT NULL,
    requests          BIGINT NOT NULL,
    input_tokens      BIGINT NOT NULL,
    output_tokens     BIGINT NOT NULL,
    cost_microusd     BIGINT NOT NULL,
    reserved_microusd BIGINT NOT NULL,
    PRIMARY KEY (tenant, day)
)
