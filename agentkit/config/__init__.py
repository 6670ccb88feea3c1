"""What is known before a run: profiles of providers and models, and who reads the environment."""
