"""HTTP transports; the only package that imports the HTTP client."""
