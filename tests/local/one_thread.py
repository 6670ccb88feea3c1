"""A launcher of `local:` with one thread, as a user's own catalog may name it.

Threads that wait for each other are slow on a machine with other load, such as one that runs tests.
"""

from functools import partial

from agentkit.local.llama_server import launch

launch_with_one_thread = partial(launch, threads=1)
