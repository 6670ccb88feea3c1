"""Faulty answers, as providers really send them."""
