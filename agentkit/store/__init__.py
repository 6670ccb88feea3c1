"""One small interface over SQLite and PostgreSQL, and the tables that agentkit keeps there."""
