"""The exceptions that a user is meant to read: jobs print their messages without a traceback."""


class XnerError(Exception):
    """Bad input or settings: the message says what is wrong, where, and what to do about it. Exit status 2."""


class RunFailure(XnerError):
    """Work that could not be finished though its input may be good; the same command takes it up again. Exit status 1.

    The message says what failed, where, and what to do about it: a full disk, a store that does not answer, nodes that
    are gone.
    """


class StorageFailure(RunFailure, OSError):
    """A disk or an object store failed while a file was read, written or listed."""
