"""Runs that survive the process they began in."""
