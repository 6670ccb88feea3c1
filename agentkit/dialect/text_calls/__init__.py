"""Separate the text of an answer: reasoning, answer text, tool calls, special tokens.

In:  the text of an answer, as it arrives, and the offered tools.
Out: pieces that can be shown at once; at the end the calls, and what was dropped.

Each model family has a grammar in `families`; `table` lists them. Everything else works on that
table: `reader` holds text back while an answer streams, `rows` decides which calls count.
"""
