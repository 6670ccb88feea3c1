"""HTTP/1.1 over a connection pool of our own."""
