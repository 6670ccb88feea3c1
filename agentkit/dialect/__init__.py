"""How a provider encodes a chat: values and bytes, no I/O."""
