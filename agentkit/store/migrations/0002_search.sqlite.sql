-- An index over the words in search_text, which are normalised already. The tokenizer 'ascii' takes
-- every other character as part of a word, so that the words are those of PostgreSQL.

CREATE VIRTUAL TABLE ak_search USING fts5 (
    search_text, content='ak_entries', content_rowid='seq', tokenize='ascii', detail='none',
    columnsize=0
)

CREATE TRIGGER ak_search_added AFTER INSERT ON ak_entries WHEN new.search_text IS NOT NULL
BEGIN
    INSERT INTO ak_search (rowid, search_text) VALUES (new.seq, new.search_text);
END

CREATE TRIGGER ak_search_removed AFTER DELETE ON ak_entries WHEN old.search_text IS NOT NULL
BEGIN
    INSERT INTO ak_search (ak_search, rowid, search_text)
    VALUES ('delete', old.seq, old.search_text);
END
