"""The base of errors that end a command with a sentence instead of a stack trace."""


class HearthlineError(Exception):
    """Something a person can put right. The text says what happened and what to do next."""
