"""The one exception that means "the user's input is at fault"."""


class QGenError(ValueError):
    """Bad input: an empty passage, a missing file, a corrupt checkpoint...

    The message is one clear line.  The command line prints it and exits with
    code 2; the web UI shows it in place of a result; library callers catch it
    like any ``ValueError``.
    """
