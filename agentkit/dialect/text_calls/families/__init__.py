"""One module per model family: its grammar, as a `Family`; none knows another."""
