"""Errors that the command line reports as one sentence, without a traceback."""


class UserError(Exception):
    """Bad input. Its message is one clear sentence: what was wrong, where, what was expected, what to do."""


class Failure(Exception):
    """A run that cannot continue, such as one that diverged. One clear sentence; exit code 1."""
