"""Which networks can stand in one table, and what they are compared with."""

from __future__ import annotations

from collections.abc import Sequence

from hwsim.errors import all_faults
from models.compression.errors import CompressionError
from models.compression.subject import Subject, is_same, relabelled, subject
from models.registry import NETWORKS, data_for


def data_of(found: Sequence[Subject], named: str | None = None) -> str:
    """Return the data set that all of ``found`` are measured on: the one that is named, else the one of their cards.

    Raises:
        CompressionError: they name several.
        NetworkError: they name none.
    """
    if named:
        return named
    names = [(own.label, data_for(own.network)) for own in found]
    if len({name for _, name in names}) > 1:
        raise CompressionError(
            f"one table is of one data set, and these networks name several ({_listed(names)}): name it with --data"
        )
    return names[0][1]


def check_alike(found: Sequence[Subject], reference: str | None = None, data: str | None = None) -> None:
    """Raise CompressionError where networks of several origins or data sets would be compared without a word.

    Args:
        found: What is to be compared.
        reference: What the user named to compare with; None for nothing.
        data: The data set that the user named; None for none.
    """
    faults = []
    origins = [(own.label, own.network.name) for own in found]
    if reference is None and len({name for _, name in origins}) > 1:
        faults.append(f"they were made from several networks ({_listed(origins)}): name the reference with --reference")
    sets = [(own.label, str(own.network.metadata.get("dataset", "no data set"))) for own in found]
    if data is None and len({name for _, name in sets}) > 1:
        faults.append(f"they name several data sets ({_listed(sets)}): name one with --data")
    if faults:
        raise CompressionError(all_faults("one table of these networks", faults))


def reference_of(found: Sequence[Subject], named: str | None = None) -> Subject:
    """Return what all are compared with: the one that is named, else the float32 network that they were made from.

    Raises:
        CompressionError: that network is unknown.
    """
    if named is not None:
        return subject(named)
    first = found[0]
    if first.data is None:
        return first
    if first.network.name not in NETWORKS:
        raise CompressionError(
            f"{first.label} was made from {first.network.name!r}, which is unknown: give it as --reference"
        )
    return subject(first.network.name)


def with_reference(found: Sequence[Subject], named: str | None = None) -> list[Subject]:
    """Return what all are compared with (``reference_of``) and then the others, with labels that differ.

    Raises:
        CompressionError: the reference is unknown, or a file or a name stands there twice.
    """
    reference = reference_of(found, named)
    same = [own for own in found if is_same(own, reference)]
    return relabelled([*(same or [reference]), *(own for own in found if not is_same(own, reference))])


def _listed(names: Sequence[tuple[str, str]]) -> str:
    return ", ".join(f"{label}: {name}" for label, name in names)
