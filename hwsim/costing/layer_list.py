"""A plain list of matrix products: what to price where no network is at hand."""

from __future__ import annotations

import csv
import io
from dataclasses import dataclass
from pathlib import Path

from hwsim.array import Machine, Workload
from hwsim.costing.assumed import check_assumptions
from hwsim.errors import NetworkError, all_faults
from hwsim.formats.pe_kinds import pe_for
from hwsim.layer_work import Task, weight_dram_bits, weight_storage_bits
from hwsim.network import Gemm
from hwsim.network.assignment import Assignment, LayerFormats
from hwsim.network.numerics import LayerNumerics

LARGEST_SIDE = 1 << 40  #: keeps counts within 64 bits
_COLUMNS = ("name", "m", "n", "k", "groups")


@dataclass(frozen=True)
class LayerList:
    """Products that run one after another; operands come from DRAM and results go there, and there are no biases.

    Attributes:
        name: for reports.
        layers: (name, product) in the order in which they run.
    """

    name: str
    layers: tuple[tuple[str, Gemm], ...]


def read_layers(path: Path) -> LayerList:
    """Read a CSV file with the columns name, m, n, k and, if there are several products a layer, groups.

    Raises:
        NetworkError: the file cannot be read, or holds faults, all of which are listed.
    """
    try:
        text = path.read_text(encoding="utf-8")
    except (OSError, UnicodeDecodeError) as error:
        raise NetworkError(f"layer list {path} cannot be read: {error}") from error
    return parse_layers(path.stem, text)


def parse_layers(name: str, text: str) -> LayerList:
    r"""Return the layers that CSV ``text`` lists.

    >>> parse_layers("two", "name,m,n,k\nconv,784,6,25\nfc,1,10,84\n").layers[1]
    ('fc', Gemm(m=1, n=10, k=84, groups=1))

    Raises:
        NetworkError: with every fault.
    """
    reader = csv.reader(io.StringIO(text))
    header = tuple(cell.strip() for cell in next(reader, []))
    if header not in (_COLUMNS, _COLUMNS[:-1]):
        raise NetworkError(f"layer list {name!r}: the first line must be name,m,n,k or name,m,n,k,groups, not {header}")
    layers: list[tuple[str, Gemm]] = []
    faults: list[str] = []
    for cells in reader:
        if not cells:
            continue
        if len(cells) != len(header):
            faults.append(f"line {reader.line_num}: {len(cells)} cells where {len(header)} columns are declared")
            continue
        sizes = dict(zip(header[1:], map(_size, cells[1:]), strict=True))
        bad = [f"{column} is {cells[header.index(column)]!r}" for column, size in sizes.items() if size is None]
        faults += [f"line {reader.line_num}: {fault}; give a whole number from 1 to {LARGEST_SIDE}" for fault in bad]
        layers.append((cells[0].strip(), Gemm(**{column: size or 1 for column, size in sizes.items()})))
    if not layers:
        faults.append("it lists no layer")
    if faults:
        raise NetworkError(all_faults(f"layer list {name!r}", faults))
    return LayerList(name, tuple(layers))


def _size(text: str) -> int | None:
    text = text.strip()
    return int(text) if text.isdecimal() and 1 <= int(text) <= LARGEST_SIDE else None


def list_numerics(
    layers: LayerList, assignment: Assignment, sparsity: float | None = None
) -> tuple[LayerNumerics, ...]:
    """Return the formats and work of every product; ``sparsity`` and FormatError as in ``assumed_numerics``."""
    check_assumptions(layers.name, [name for name, _ in layers.layers], assignment, sparsity)
    return tuple(_numerics(name, gemm, assignment.of(name), sparsity) for name, gemm in layers.layers)


def _numerics(name: str, gemm: Gemm, formats: LayerFormats, sparsity: float | None) -> LayerNumerics:
    return LayerNumerics(
        name,
        "gemm",
        (str(formats.acts),),
        str(formats.acts),
        weights=str(formats.weights),
        product=None if formats.product is None else str(formats.product),
        acc=str(formats.acc),
        macs=gemm.macs,
        effectual_macs=gemm.macs if sparsity is None else round(gemm.macs * (1 - sparsity)),
        weight_count=gemm.n * gemm.k * gemm.groups,
    )


def list_tasks(
    layers: LayerList, numerics: tuple[LayerNumerics, ...], assignment: Assignment, batch: int, machine: Machine
) -> tuple[Task, ...]:
    """Return the products as the machine sees them, which decides how weights are packed."""
    tasks = []
    for (name, gemm), counted in zip(layers.layers, numerics, strict=True):
        formats = assignment.of(name)
        pe = pe_for(formats.weights, formats.acts, formats.acc, formats.product)
        rows, effectual = gemm.m * batch, counted.effectual_macs * batch
        work = Workload(
            layer=name, m=rows, n=gemm.n, k=gemm.k, groups=gemm.groups,
            act_bits=formats.acts.bits, weight_bits=formats.weights.bits, acc_bits=formats.acc.bits,
            output_bits=formats.acts.bits,
            ifmap_elements=rows * gemm.k * gemm.groups,
            weight_elements=counted.weight_count,
            ofmap_elements=rows * gemm.n * gemm.groups,
            effectual_macs=effectual,
            has_bias=False,
            act_storage_bits=formats.acts.storage_bits,
            weight_storage_bits=weight_storage_bits(machine, counted),
            weight_dram_bits=weight_dram_bits(machine, counted),
            output_storage_bits=formats.acts.storage_bits,
        )  # fmt: skip
        tasks.append(Task(name, "gemm", work, pe, gemm, float(effectual)))
    return tuple(tasks)
