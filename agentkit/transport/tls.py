"""The TLS context with the trusted certificates, loaded once.

In:  the certificates that come with the HTTP client, or those that SSL_CERT_FILE or SSL_CERT_DIR
     name.
Out: one `ssl.SSLContext` for every connection of the process.
"""

import os
import ssl
from functools import cache

import certifi


def tls_context() -> ssl.SSLContext:
    """Return the shared context; reading the certificates takes longer than an exchange."""
    return _context(os.environ.get("SSL_CERT_FILE"), os.environ.get("SSL_CERT_DIR"))


@cache
def _context(file: str | None, folder: str | None) -> ssl.SSLContext:
    if file:
        context = ssl.create_default_context(cafile=file)
    elif folder:
        context = ssl.create_default_context(capath=folder)
    else:
        context = ssl.create_default_context(cafile=certifi.where())
    context.set_alpn_protocols(["http/1.1"])
    return context
