"""How bytes travel; the only package that imports the HTTP client."""
