"""One tensor in a stream: which values are not zero, and what they are, in the form that takes the fewest bits."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np

from models.compression.container.matrix import Matrix
from models.compression.container.stream import (
    COUNT,
    EMPTY,
    FORM,
    JOINT,
    KIND,
    Alphabet,
    Mask,
    Patterns,
    Ranks,
    Reader,
    Values,
    Writer,
    cheapest,
)
from models.compression.container.values import (
    MANTISSA_BITS,
    MOST_STEPS,
    SIGN,
    Bits,
    Table,
    dropped_bits,
    find_grid,
    read_grid,
    read_table,
    write_grid,
    write_table,
)
from models.compression.errors import CompressionError

FLOATS, GRID, OWN, SHARED = range(4)  #: as floats; multiples of a step; values of a table of its own, or of the file's
MOST_DISTINCT = 4096  #: a tensor with more values is not tried as a table
WORKING_BYTES, LINE_BYTES = 8, 40  #: of a value, and of a row or column
Mark = Callable[[str], None]  #: told the name of each part when it ends: "mask", "table", "codes" or "raw"


@dataclass(frozen=True, eq=False)
class Plan:
    """How a tensor is written, and what that costs.

    Attributes:
        bits: The tensor as bit patterns, shape (rows, columns).
        matrix: Where its values lie.
        mask_kind: How its mask is written.
        form: What its values are written as.
        code_kind: How their codes are written.
        cost: Bits, the file's table not among them.
    """

    bits: Bits
    matrix: Matrix
    mask_kind: int
    form: int
    code_kind: int
    cost: float


def plan_tensor(bits: Bits, matrix: Matrix, new: type[Writer], shared: Table | None) -> tuple[Plan, Plan]:
    """Return the cheapest way to write a tensor, found by trying them all, and the cheapest without ``shared``.

    Args:
        bits: float32 bit patterns, shape (rows, columns).
        matrix: Where they lie.
        new: The coder.
        shared: Table of the file, if the tensor may use it.
    """
    mask = mask_of(bits)
    kind, cost = cheapest(new, new().mask_kinds(mask), lambda writer, option: writer.mask(mask, matrix, option))
    plans = []
    for mask_kind in (kind, JOINT) if new.offers_joint and mask.any() else (kind,):
        for form in _forms(bits, shared) if mask.any() else (FLOATS,):
            options = new.code_kinds if form != FLOATS else (0,)
            drafts = [Plan(bits, matrix, mask_kind, form, option, 0.0) for option in options]
            best, own = cheapest(new, drafts, lambda writer, draft: _write_values(writer, draft, shared, _ignore))
            total = own + (1 if mask_kind == JOINT else cost)
            plans.append(Plan(bits, matrix, mask_kind, form, best.code_kind, total))
    alone = [plan for plan in plans if plan.form != SHARED]
    return min(plans, key=lambda plan: plan.cost), min(alone, key=lambda plan: plan.cost)


def mask_of(bits: Bits) -> Mask:
    """Return 1 where the pattern is not that of +0."""
    return np.asarray(bits != 0).astype(np.uint8)


def _forms(bits: Bits, shared: Table | None) -> list[int]:
    table = Table.of([bits])
    forms = [FLOATS]
    if sum(table.alphabet) <= MOST_DISTINCT:
        forms += [OWN] if shared is None else [OWN, SHARED]
    return forms if find_grid(table) is None else [*forms, GRID]


def write_tensor(writer: Writer, plan: Plan, shared: Table | None, mark: Mark) -> None:
    """Write a tensor as planned."""
    if plan.mask_kind == JOINT:
        writer.integer(JOINT, KIND)
    else:
        writer.mask(mask_of(plan.bits), plan.matrix, plan.mask_kind)
    mark("mask")
    if plan.mask_kind != EMPTY:
        _write_values(writer, plan, shared, mark)


def _write_values(writer: Writer, plan: Plan, shared: Table | None, mark: Mark) -> None:
    bits, matrix = plan.bits, plan.matrix
    mask = None if plan.mask_kind == JOINT else mask_of(bits)
    writer.integer(plan.form, FORM)
    if plan.form == FLOATS:
        dropped = dropped_bits(np.unique(bits) & (SIGN - 1))
        writer.even(dropped, 5)
        writer.floats(bits, np.ones_like(bits, np.uint8) if mask is None else mask, MANTISSA_BITS - dropped)
        mark("raw")
        return
    ranks, alphabet = _write_alphabet(writer, plan, Table.of([bits]), shared)
    mark("table")
    writer.codes(ranks, mask, matrix, alphabet, plan.code_kind)
    mark("codes")


def _write_alphabet(writer: Writer, plan: Plan, own: Table, shared: Table | None) -> tuple[Values, Alphabet]:
    """Write what the codes stand for, and return them."""
    if plan.form == GRID:
        grid = find_grid(own)
        assert grid is not None
        write_grid(writer, grid)
        below, above = grid.counts(own.below), grid.counts(own.above)
        assert below is not None
        assert above is not None
        alphabet = int(below.max(initial=0)), int(above.max(initial=0))
        for largest in alphabet:
            writer.integer(largest, COUNT)
        every = np.concatenate([-below[::-1], np.zeros(1, np.int64), above])
        return every[own.ranks(plan.bits) + below.size], alphabet
    table = own
    if plan.form == OWN:
        write_table(writer, own, type(writer))
    else:
        assert shared is not None
        table = shared
    return table.ranks(plan.bits), table.alphabet


def read_tensor(reader: Reader, matrix: Matrix, shared: Table | None, mark: Mark) -> Patterns:
    """Return what ``write_tensor`` wrote, shape (rows, columns). Raises CompressionError, trusting nothing.

    Beside the result that takes at most ``working_bytes(matrix)``.
    """
    bits = _read_bits(reader, matrix, shared, mark)
    if not np.isfinite(bits.view(np.float32)).all():
        raise CompressionError("values that are not finite")
    return bits


def working_bytes(matrix: Matrix) -> int:
    """Return a bound on the memory that reading a tensor takes beside the tensor: masks, signs, ranks and totals."""
    return WORKING_BYTES * matrix.size + LINE_BYTES * (matrix.rows + matrix.columns)


def _read_bits(reader: Reader, matrix: Matrix, shared: Table | None, mark: Mark) -> Patterns:
    mask = reader.mask(matrix)
    mark("mask")
    if mask is not None and not mask.any():
        return np.zeros(matrix.shape, np.uint32)
    form = reader.integer(FORM)
    if form == FLOATS:
        dropped = reader.even(5)
        if dropped > MANTISSA_BITS:
            raise CompressionError(f"floats drop {dropped} bits of {MANTISSA_BITS}")
        every = np.ones(matrix.shape, np.uint8) if mask is None else mask
        bits = reader.floats(every, MANTISSA_BITS - dropped)
        mark("raw")
        return bits
    expand, alphabet = _read_alphabet(reader, form, shared)
    mark("table")
    ranks = reader.codes(mask, matrix, alphabet)
    mark("codes")
    return expand(ranks)


def _read_alphabet(reader: Reader, form: int, shared: Table | None) -> tuple[Callable[[Ranks], Patterns], Alphabet]:
    if form == GRID:
        grid = read_grid(reader)
        alphabet = reader.integer(COUNT), reader.integer(COUNT)
        if max(alphabet) > MOST_STEPS:
            raise CompressionError(f"a grid of {max(alphabet)} steps; the bound is {MOST_STEPS}")
        steps = [grid.magnitudes(np.arange(1, size + 1)) for size in alphabet]
        table = Table(*steps)
    elif form == OWN:
        table = read_table(reader)
    elif form == SHARED and shared is not None:
        table = shared
    else:
        what = "the file's table, and there is none" if form == SHARED else f"form {form}, which is not known"
        raise CompressionError(f"a tensor is in {what}")
    return table.bits, table.alphabet


def _ignore(part: str) -> None:
    """Mark nothing."""
