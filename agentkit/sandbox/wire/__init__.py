"""The request and response formats of the providers that the stand-in imitates."""
