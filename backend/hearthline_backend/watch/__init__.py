"""``hearthline watch``: a process of its own that proves the whole chain every minute and calls the operator itself."""
