"""A line that says how far a sweep is; drawn by the command line only."""

from __future__ import annotations

from typing import TextIO

from precision_search.runner import Progress

_WIDTH = 28


class ProgressLine:
    """Draws progress on a terminal as one moving line, elsewhere as a line per tenth."""

    def __init__(self, stream: TextIO) -> None:
        self._stream = stream
        self._moving = stream.isatty()
        self._stage = ""
        self._tenth = -1
        self._open = False

    def __call__(self, progress: Progress) -> None:
        """Show ``progress``."""
        if progress.stage != self._stage:
            self._stage = progress.stage
            self.close()
            self._stream.write(f"{progress.stage} …\n")
        if progress.total:
            self._show(progress)
        self._stream.flush()

    def close(self) -> None:
        """End the moving line."""
        if self._open:
            self._stream.write("\n")
            self._open = False

    def _show(self, progress: Progress) -> None:
        finished = progress.stored + progress.done
        tenth = 10 * finished // progress.total
        if self._moving:
            self._stream.write(f"\r{progress_text(progress)}\x1b[K")
            self._open = True
        elif tenth != self._tenth and progress.done:
            self._stream.write(progress_text(progress) + "\n")
        self._tenth = tenth


def progress_text(progress: Progress) -> str:
    """Return bar, counts, rate and remaining time.

    >>> progress_text(Progress("", total=100, stored=20, done=30, failed=1, elapsed_s=15.0))
    '[##############..............]  50/100  1 failed  2.0/s  0:25 left'
    """
    finished = progress.stored + progress.done
    filled = _WIDTH * finished // progress.total
    width = len(str(progress.total))
    parts = [f"[{'#' * filled}{'.' * (_WIDTH - filled)}] {finished:>{width}}/{progress.total}"]
    if progress.failed:
        parts.append(f"{progress.failed} failed")
    if progress.remaining_s is not None and progress.elapsed_s > 0:
        parts += [f"{progress.done / progress.elapsed_s:.1f}/s", f"{clock(progress.remaining_s)} left"]
    return "  ".join(parts)


def clock(seconds: float) -> str:
    """Return minutes and seconds, with hours when there are any.

    >>> clock(25), clock(3725)
    ('0:25', '1:02:05')
    """
    minutes, rest = divmod(round(seconds), 60)
    hours, minutes = divmod(minutes, 60)
    return f"{hours}:{minutes:02}:{rest:02}" if hours else f"{minutes}:{rest:02}"
