"""The backend killed at the boundary of every step between a message and its call: nothing lost, nothing double."""
