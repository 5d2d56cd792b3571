"""One network of the table that all methods stand in: its columns, and how they come from what was measured."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, fields

from models.compression.answers import Mask
from models.compression.errors import CompressionError
from models.compression.measure import Measured
from models.compression.paired import paired


@dataclass(frozen=True)
class Row:
    """One network of the table: counts and units in the names; the columns of the CSV file.

    Ratios are the reference's number over this one's: larger is smaller, faster or thriftier.

    Attributes:
        name: Of the network or its file.
        parameters: Numbers in all tensors, biases included.
        weights: Those in weight tensors.
        kept_weights: Weights that are not zero.
        bits_per_weight: Bits of the file spent on weights, over ``weights``.
        file_bytes: Length of the compressed file, headers, tables and graph included; of float32, 4 a parameter.
        coder: Entropy coder of the file; empty for float32.
        file_ratio: Against 4 bytes for every parameter of the reference.
        paper_ratio: Equation (1) of Choi et al. (2017): weights of the reference in float32 over codes, index and
            tables of this one, without biases, header and graph.
        data: Name of the data set.
        split: Of the images that accuracy was counted on; "validation" is the end of train.
        images: How many those are.
        float_correct: Right in float64.
        float_lost: Right in the reference in float64 and wrong here in float64.
        float_won: The other way round.
        float_p: Exact McNemar test of the two.
        array_correct: Right on the array, bit by bit.
        array_lost: Right in the reference in float64 and wrong here on the array.
        array_won: The other way round.
        array_p: Exact McNemar test of the two.
        macs: Multiply-accumulates of an inference.
        effectual_macs: Those with two nonzero operands, on average.
        array_bits_per_weight: Bits that a weight takes in DRAM, on average.
        cycles: Of an inference.
        runtime_ms: Of an inference.
        energy_uj: Of an inference.
        power_mw: Average.
        dram_bits: Read and written.
        sram_bits: Read and written, all scratchpads.
        time_ratio: Against the reference, its int8 weights packed by the same coder.
        energy_ratio: Against the reference, its int8 weights packed by the same coder.
        plain_runtime_ms: Of an inference whose weights lie in DRAM at the bits of their formats.
        plain_energy_uj: Of the same.
        time_ratio_plain: ``runtime_ms`` against the plain runtime of the reference.
        energy_ratio_plain: ``energy_uj`` against the plain energy of the reference.
        weight_change: Largest distance that a weight moves into its format on the array; 0 is exact.
        formats: Of the weights, layer by layer.
        layer_bits: Bits that a weight takes in DRAM, layer by layer.
        decoder_rate: Weights a cycle that the decoder at the chip's edge has to deliver; 0 where nothing is packed, inf
            where memories have no limit.
        decoder_mean: What it delivers on average over the inference, each weight as often as DRAM brings it; nan where
            packing changes how often that is.
        acts: Of the activations.
        machine: Canonical spelling.
        table: Of prices.
        unpriced: What has no price and is missing from the energy; the decoder's time is missing too.
    """

    name: str
    parameters: int
    weights: int
    kept_weights: int
    bits_per_weight: float
    file_bytes: int
    coder: str
    file_ratio: float
    paper_ratio: float
    data: str
    split: str
    images: int
    float_correct: int
    float_lost: int
    float_won: int
    float_p: float
    array_correct: int
    array_lost: int
    array_won: int
    array_p: float
    macs: int
    effectual_macs: float
    array_bits_per_weight: float
    cycles: int
    runtime_ms: float
    energy_uj: float
    power_mw: float
    dram_bits: float
    sram_bits: float
    time_ratio: float
    energy_ratio: float
    plain_runtime_ms: float
    plain_energy_uj: float
    time_ratio_plain: float
    energy_ratio_plain: float
    weight_change: float
    formats: str
    layer_bits: str
    decoder_rate: float
    decoder_mean: float
    acts: str
    machine: str
    table: str
    unpriced: str

    def values(self) -> tuple[object, ...]:
        """Return the cells in the order of ``COLUMNS``."""
        return tuple(getattr(self, name) for name in COLUMNS)


COLUMNS = tuple(field.name for field in fields(Row))


def rows(reference: Measured, others: Sequence[Measured]) -> tuple[Row, ...]:
    """Return the reference's row and those of the others.

    Raises:
        CompressionError: they were not measured on the same images.
    """
    return tuple(row(reference, measured) for measured in (reference, *others))


def row(reference: Measured, measured: Measured) -> Row:
    """Return one row. Raises CompressionError when the two were not measured on the same images."""
    seen = [f"{own.data} {own.split}" for own in (reference, measured)]
    if seen[0] != seen[1]:
        raise CompressionError(f"images of {' and '.join(seen)} cannot be paired: measure both on the same")
    own, hardware = measured.subject, measured.hardware
    in_float = paired(reference.float_mask, measured.float_mask)
    on_array = paired(reference.float_mask, measured.array_mask)
    bits = hardware.memory_bits
    return Row(
        name=own.label,
        parameters=own.parameters,
        weights=measured.weight_count,
        kept_weights=measured.kept_weights,
        bits_per_weight=own.bits_per_weight,
        file_bytes=own.file_bytes,
        coder=own.coder,
        file_ratio=4 * reference.subject.parameters / own.file_bytes,
        paper_ratio=own.paper_ratio * reference.weight_count / measured.weight_count,
        data=measured.data,
        split=measured.split,
        images=_count(measured.float_mask),
        float_correct=int(measured.float_mask.sum()),
        float_lost=in_float.lost,
        float_won=in_float.won,
        float_p=in_float.p_value,
        array_correct=int(measured.array_mask.sum()),
        array_lost=on_array.lost,
        array_won=on_array.won,
        array_p=on_array.p_value,
        macs=measured.macs,
        effectual_macs=measured.effectual_macs,
        array_bits_per_weight=measured.array_bits,
        cycles=hardware.cycles,
        runtime_ms=1e3 * hardware.runtime_s,
        energy_uj=1e-6 * hardware.energy_total_pj,
        power_mw=1e3 * hardware.power_w,
        dram_bits=bits["dram"],
        sram_bits=sum(value for name, value in bits.items() if name != "dram"),
        time_ratio=reference.hardware.runtime_s / hardware.runtime_s,
        energy_ratio=reference.hardware.energy_total_pj / hardware.energy_total_pj,
        plain_runtime_ms=1e3 * measured.plain.runtime_s,
        plain_energy_uj=1e-6 * measured.plain.energy_total_pj,
        time_ratio_plain=reference.plain.runtime_s / hardware.runtime_s,
        energy_ratio_plain=reference.plain.energy_total_pj / hardware.energy_total_pj,
        weight_change=max((weights.largest_change for weights in measured.weights), default=0.0),
        formats=" ".join(f"{weights.layer}={short_format(str(weights.fmt))}" for weights in measured.weights),
        layer_bits=" ".join(f"{name}={bits:g}" for name, bits in measured.layer_bits.items()),
        decoder_rate=measured.decoder_rate,
        decoder_mean=measured.decoder_mean,
        acts=measured.acts,
        machine=hardware.machine,
        table=hardware.table,
        unpriced="; ".join(hardware.unpriced),
    )


def short_format(text: str) -> str:
    """Return the spelling of a format without the values of a codebook.

    >>> short_format("codebook<3,int8@2^-8>{-77/256;0;13/128}")
    'codebook<3,int8@2^-8>'
    """
    return text.partition("{")[0]


def read_row(cells: Mapping[str, str]) -> Row:
    """Return a row from the cells of a CSV file that ``Row.values`` were written to.

    Raises:
        CompressionError: columns are missing or hold no numbers.
    """
    missing = [name for name in COLUMNS if name not in cells]
    if missing:
        raise CompressionError(f"the table lacks the columns {', '.join(missing)}: measure again (--measure)")
    kinds = {field.name: {"int": int, "float": float}.get(str(field.type), str) for field in fields(Row)}
    try:
        return Row(**{name: kinds[name](cells[name]) for name in COLUMNS})
    except ValueError as error:
        raise CompressionError(f"the table holds what is no number: {error}") from error


def _count(mask: Mask) -> int:
    return int(mask.size)
