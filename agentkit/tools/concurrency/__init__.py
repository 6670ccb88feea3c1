"""How many tools run at the same time, in which threads, and how they are cancelled."""
