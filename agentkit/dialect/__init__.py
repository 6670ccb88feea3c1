"""How a host spells a chat: values and bytes, no I/O."""
