"""The steps from one schema of Records to the next, run by :func:`hearthline_backend.storage.migrate.migrate`."""
