"""Record HTTP exchanges with providers to a file, and replay them."""
