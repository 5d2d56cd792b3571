"""The log of a long run: lines with the time that they were written at."""

from __future__ import annotations

import time
from collections.abc import Callable


class TimedLog:
    """Lines with the seconds since the start, kept and reported.

    Args:
        report: Called with each line.

    Attributes:
        lines: All of them.

    >>> log = TimedLog(lambda line: None)
    >>> log.write("begun")
    >>> log.lines
    ['    0.0 s  begun']
    """

    def __init__(self, report: Callable[[str], None]) -> None:
        self.lines: list[str] = []
        self._report, self._start = report, time.monotonic()

    def write(self, text: str) -> None:
        """Add a line."""
        line = f"{time.monotonic() - self._start:7.1f} s  {text}"
        self.lines.append(line)
        self._report(line)
