"""Probe a provider with a few small requests and derive the profile that fits it."""
