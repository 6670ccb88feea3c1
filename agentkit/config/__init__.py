"""What is known before a run: profiles of hosts and models, and who reads the environment."""
