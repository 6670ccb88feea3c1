"""One TLS context for the clients that tests open: each of them would load all certificates.

In:  the trusted certificates of the system.
Out: `TLS`, for the `verify` of a client; loading them takes 20 ms of CPU.
"""

import ssl

TLS = ssl.create_default_context()
