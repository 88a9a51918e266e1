"""What breaks in a home, done on purpose to the real parts of the gateway, each with a count that must be exact."""
