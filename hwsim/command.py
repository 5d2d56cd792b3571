"""What every command line does with what goes wrong: one message, and an exit code."""

from __future__ import annotations

import errno
import os
import sys
from collections.abc import Callable

from hwsim.errors import HwsimError

_FULL = (errno.ENOSPC, errno.EDQUOT, errno.EFBIG, errno.EIO)


def guarded(program: str, command: Callable[[], int | None], interrupted: str = "interrupted") -> int:
    """Run ``command``; return its exit code: 0, 2 for a user's error or full output, 130 after Ctrl-C.

    Args:
        program: name that messages begin with.
        command: what to run; None means 0.
        interrupted: what to say after Ctrl-C.

    >>> guarded("hwsim", lambda: None)
    0
    """
    try:
        code = command() or 0
        sys.stdout.flush()
    except HwsimError as error:
        return _say(f"{program}: {error}", 2)
    except KeyboardInterrupt:
        return _say(f"\n{program}: {interrupted}", 130)
    except BrokenPipeError:  # the reader, such as head, has seen enough
        _drop_output()
        return 0
    except OSError as error:
        if error.errno not in _FULL:
            raise
        _drop_output()
        return _say(f"{program}: the output cannot be written ({error.strerror}); free space, or print elsewhere", 2)
    return code


def _say(message: str, code: int) -> int:
    sys.stderr.write(f"{message}\n")
    return code


def _drop_output() -> None:
    """Keep Python from trying once more to write what is left when it exits."""
    os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
