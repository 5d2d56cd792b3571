"""What must leave an array: every word of every port in its order, and which of them are outputs."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from hwsim.array import Dataflow, Machine
from hwsim.rtl.cases import LayerCase
from hwsim.rtl.drive import Drive, Fold


@dataclass(frozen=True)
class Expected:
    """Words that leave the array.

    Attributes:
        codes: of the accumulator [words, ports]; 0 where nothing is known.
        checked: true where the word is an output of the layer.
    """

    codes: NDArray[np.int64]
    checked: NDArray[np.bool_]

    @property
    def outputs(self) -> int:
        """How many words are outputs."""
        return int(self.checked.sum())

    def hex_texts(self, acc_bits: int) -> tuple[str, str]:
        """Return the codes and the flags as hex files, one line a word, port 0 in the lowest bits."""
        codes = "".join(f"{_packed(row, acc_bits):x}\n" for row in self.codes.tolist())
        return codes, "".join(f"{_packed(row, 1):x}\n" for row in self.checked.astype(int).tolist())


def expected_words(machine: Machine, case: LayerCase, drive: Drive) -> Expected:
    """Return what the ports of ``machine``'s array must deliver when it is driven by ``drive``."""
    words = [_fold_words(machine, case, drive, fold) for fold in drive.folds]
    return Expected(np.concatenate([w.codes for w in words]), np.concatenate([w.checked for w in words]))


def _fold_words(machine: Machine, case: LayerCase, drive: Drive, fold: Fold) -> Expected:
    rows, columns = machine.array.rows, machine.array.columns
    direct = machine.array.dataflow is Dataflow.OUTPUT_STATIONARY and machine.direct_outputs
    if machine.array.dataflow is not Dataflow.OUTPUT_STATIONARY:
        words = np.full((drive.stream, columns), -1)
    else:
        words = np.full((rows, columns), -1)
    for place, codes in _fold_outputs(machine, case, fold):
        words[place] = codes
    if direct:
        words = words.reshape(1, rows * columns)
    elif machine.array.dataflow is Dataflow.OUTPUT_STATIONARY:
        words = words[::-1]  # the last row is the first to leave
    return Expected(np.maximum(words, 0), words >= 0)


def _fold_outputs(
    machine: Machine, case: LayerCase, fold: Fold
) -> Iterator[tuple[tuple[slice, slice], NDArray[np.int64]]]:
    """Yield where in a fold's words its outputs are, and their codes; nothing where all sums are partial."""
    tile, own = fold.tile, case.expected[fold.group]
    laid = slice(tile.column_start, tile.column_start + tile.columns)
    if machine.array.dataflow is Dataflow.OUTPUT_STATIONARY:
        vectors = slice(tile.row_start, tile.row_start + tile.rows)
        yield (slice(tile.rows), slice(tile.columns)), own[vectors, laid]
    elif tile.row_start + tile.rows == case.codes.acts.shape[2]:
        weights_held = machine.array.dataflow is Dataflow.WEIGHT_STATIONARY
        yield (slice(None), slice(tile.columns)), own[:, laid] if weights_held else own[laid].T


def _packed(words: list[int], bits: int) -> int:
    return sum(word << (port * bits) for port, word in enumerate(words))
