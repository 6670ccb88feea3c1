"""Python that a model writes: in Monty, an interpreter without access, or in isolated CPython.

In:  nothing, or the folder in which CPython runs.
Out: `monty.python()` and `cpython.cpython(folder)`, the tools.
"""
