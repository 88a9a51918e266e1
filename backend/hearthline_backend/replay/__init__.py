"""Rules over readings that are there already: a file of readings, or what is stored."""
