"""Looks at every hop of a reading's way, from the meters to the store, and names the first that is broken."""
