"""The one exception that a user is meant to read."""


class XnerError(Exception):
    """Bad input or settings: the message says what is wrong, where, and what to do about it.

    Jobs print the message without a traceback and exit with status 2.
    """
