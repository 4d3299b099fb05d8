"""The exception that means "the user's input is at fault", and how other errors are told."""


class QGenError(ValueError):
    """Bad input: an empty passage, a missing file, a corrupt checkpoint...

    The message is one clear line.  The command line prints it and exits with
    code 2; the web UI shows it in place of a result; library callers catch it
    like any ``ValueError``.
    """


def first_line(error: BaseException) -> str:
    """The first line of an error's message, or its type's name."""
    return (str(error).strip() or type(error).__name__).splitlines()[0]
