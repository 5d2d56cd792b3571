"""A page as data: sections of paragraphs and tables, and their Markdown. Same input, same text."""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass, field

from hwsim.validation.findings import Finding, percent

Cell = str | int
_NUMBER = re.compile(r"[-+]?[\d,.]+(?: %| G| of [\d,]+| - [\d.]+)?|-|unknown")


@dataclass(frozen=True)
class Table:
    """A table; columns of numbers are set flush right."""

    header: tuple[str, ...]
    rows: tuple[tuple[Cell, ...], ...]


Block = str | Table


@dataclass(frozen=True)
class Section:
    """A part of the page.

    Attributes:
        title: heading.
        blocks: paragraphs and tables, in order.
        findings: lines for the summary.
        stamps: (what, version or hash) of the sources of its numbers.
    """

    title: str
    blocks: tuple[Block, ...]
    findings: tuple[Finding, ...] = ()
    stamps: tuple[tuple[str, str], ...] = field(default=())


def markdown_table(table: Table) -> str:
    """Return a table in Markdown.

    >>> print(markdown_table(Table(("layer", "cycles"), (("conv1", 10),))))
    | layer | cycles |
    | --- | ---: |
    | conv1 | 10 |
    """
    columns = [[str(row[index]) for row in table.rows] for index in range(len(table.header))]
    rules = ["---:" if cells and all(map(_is_number, cells)) else "---" for cells in columns]
    lines = [table.header, rules, *([str(cell) for cell in row] for row in table.rows)]
    return "\n".join(f"| {' | '.join(line)} |" for line in lines)


def markdown(section: Section, level: int = 3) -> str:
    """Return a section in Markdown, with a heading of ``level``."""
    blocks = [block if isinstance(block, str) else markdown_table(block) for block in section.blocks]
    return "\n\n".join([f"{'#' * level} {section.title}", *blocks])


def summary(findings: Sequence[Finding]) -> Table:
    """Return the table that opens the page."""
    header = ("predicted", "measured by", "points", "mean error", "rms", "worst", "goal, rms", "reached")
    return Table(header, tuple(_line(finding) for finding in findings))


def _line(finding: Finding) -> tuple[Cell, ...]:
    goal = "-" if finding.goal is None else percent(finding.goal) if finding.goal else "exact"
    reached = {None: "-", True: "yes", False: "**no**"}[finding.reached]
    numbers = (percent(finding.bias, True), percent(finding.rms), percent(finding.worst, True))
    return (finding.quantity, finding.against, finding.points, *numbers, goal, reached)


def _is_number(cell: str) -> bool:
    return _NUMBER.fullmatch(cell) is not None
