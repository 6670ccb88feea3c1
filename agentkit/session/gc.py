"""Remove conversations that were deleted some time ago.

In:  a `Transaction`, and a moment.
Out: how many conversations were removed; what forks share with them is theirs from then on.
"""

from agentkit.store.base import Transaction

_EXPIRED = "SELECT id FROM ak_conversations WHERE deleted_at <= ? ORDER BY id"

_SHARED = (
    "WITH RECURSIVE up (id, parent_id, conversation_id, fork) AS ("
    "SELECT e.id, e.parent_id, e.conversation_id, c.id "
    "FROM ak_conversations c JOIN ak_entries e ON e.id = c.forked_from "
    "WHERE c.deleted_at IS NULL OR c.deleted_at > ? "
    "UNION ALL SELECT e.id, e.parent_id, e.conversation_id, up.fork "
    "FROM up JOIN ak_entries e ON e.id = up.parent_id) "
    "SELECT up.id, min(up.fork) FROM up "
    "JOIN ak_conversations o ON o.id = up.conversation_id "
    "WHERE o.deleted_at <= ? GROUP BY up.id"
)
"""The entries of removed conversations that lead to a fork, each with one of its forks."""


def remove_deleted(transaction: Transaction, *, before: int) -> int:
    """Remove what was deleted at this moment or earlier; return how many conversations."""
    expired = [row[0] for row in transaction.run(_EXPIRED, (before,))]
    if not expired:
        return 0
    for entry_id, fork in transaction.run(_SHARED, (before, before)):
        transaction.run("UPDATE ak_entries SET conversation_id = ? WHERE id = ?", (fork, entry_id))
    for name in expired:
        transaction.run(
            "DELETE FROM ak_conversations WHERE id = ? AND deleted_at <= ?", (name, before)
        )
    return len(expired)
