"""The limits of a run and what it has used of them."""
