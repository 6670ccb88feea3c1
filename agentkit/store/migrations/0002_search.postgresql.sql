-- An index over the words in search_text, which are normalised already. A short pending list keeps
-- searches fast between two runs of autovacuum.

ALTER TABLE ak_entries ADD COLUMN search TSVECTOR
    GENERATED ALWAYS AS (array_to_tsvector(string_to_array(search_text, ' '))) STORED

CREATE INDEX ak_search ON ak_entries USING gin (search) WITH (gin_pending_list_limit = 256)
