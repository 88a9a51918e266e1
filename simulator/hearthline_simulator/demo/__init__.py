"""The whole chain on one machine, started by one command; and the same without a person, as a check."""
