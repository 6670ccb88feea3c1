"""What people test their own agents with: a host on loopback, scripted models, contracts."""
