"""Exit codes of `wardlight`, and the two ways in which a command says that it did not do its work.

Documented in docs/commands.md. Everything else that goes wrong is a fault of ours and shows as a traceback.
"""

import sys
from enum import IntEnum
from typing import Final, NoReturn


class Code(IntEnum):
    """What a caller may rely on."""

    #: done, or already so
    DONE = 0
    #: it was tried and did not work, or what was asked for is not there
    FAILED = 1
    #: the command line or a setting cannot be understood
    USAGE = 2
    #: a part that it needs is missing, unreachable or not prepared; the message says how to mend it
    NOT_READY = 3
    #: ended by Ctrl-C
    INTERRUPTED = 130


#: what each means, for docs/commands.md
MEANING: Final = {
    Code.DONE: "done, or already so",
    Code.FAILED: "tried and failed, or what was asked for is not there",
    Code.USAGE: "the command line or a setting cannot be understood",
    Code.NOT_READY: "a part is missing, unreachable or not prepared; the message says how to mend it",
    Code.INTERRUPTED: "ended by Ctrl-C",
}


class CommandError(Exception):
    """The command could not do what was asked; the message names the thing and the way out."""

    code = Code.FAILED


class NotReady(CommandError):
    """Something the command stands on is not there; the message says how to mend it."""

    code = Code.NOT_READY


def end(code: Code, message: str) -> NoReturn:
    """Say why on standard error and leave."""
    sys.stderr.write(f"wardlight: {message}\n")
    sys.exit(code)
