"""The user's own weights, served by llama.cpp for as long as a model is open."""
