"""The chat page of a service: its files, and the turns that it starts and follows."""
