"""The OpenAI responses format, as a server."""
