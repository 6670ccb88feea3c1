"""Repair what a server sends until the SDK and the providers accept it."""
