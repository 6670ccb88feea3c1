"""Find out by a handful of tiny requests what a host honours, and the profile that fits it."""
