"""One network, measured: accuracy in float64 and on the array, the bytes of its file, and what an inference costs."""

from __future__ import annotations

import math
import re
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from fractions import Fraction

import numpy as np

from hwsim.array import parse_machine
from hwsim.cost import find_table
from hwsim.floorplan import read_machine
from hwsim.hardware import run_hardware
from hwsim.hardware_result import HardwareResult, LayerHardware
from hwsim.network import Network
from hwsim.network.numerics import with_packed_bits
from models.compression.answers import Images, KeptAnswers, Mask, answers
from models.compression.container import pack, weight_bits
from models.compression.on_array import LayerWeights, array_assignment, on_array
from models.compression.recipe import ArraySettings
from models.compression.subject import Subject
from models.compression.weights import flat_weights
from models.data.dataset import Dataset

ARRAY_CODER = "huffman"
"""Code of the weights in DRAM: one that a circuit decodes at the rate at which DRAM delivers."""
PACKING = "compress=layers@dram"
_PARTS = 10_000
_COMPRESS = re.compile(r",\s*compress=[^,]*")


@dataclass(frozen=True)
class Measured:
    """What was measured of one network on one machine.

    Attributes:
        subject: The network and its file.
        float_mask: Images that it gets right in float64.
        array_mask: Images that it gets right on the array, bit by bit.
        weights: The format of each layer's weights there.
        hardware: One inference, weights packed in DRAM.
        plain: One inference, every weight at the bits of its format.
        acts: Format asked for activations.
        data: Name of the data set of the images.
        split: That they are of.
    """

    subject: Subject
    float_mask: Mask = field(repr=False)
    array_mask: Mask = field(repr=False)
    weights: tuple[LayerWeights, ...]
    hardware: HardwareResult = field(repr=False)
    plain: HardwareResult = field(repr=False)
    acts: str = ""
    data: str = ""
    split: str = ""

    @property
    def weight_count(self) -> int:
        """Weights, biases apart."""
        return int(flat_weights(self.subject.network).size)

    @property
    def kept_weights(self) -> int:
        """Weights that are not zero."""
        return int(np.count_nonzero(flat_weights(self.subject.network)))

    @property
    def array_bits(self) -> float:
        """Bits that a weight takes in DRAM, on average."""
        return self.hardware.weight_bits / self.weight_count

    @property
    def layer_bits(self) -> dict[str, float]:
        """Bits that a weight of each layer takes in DRAM, on average."""
        found = {layer.name: layer.weight_bits for layer in self.hardware.layers}
        return {own.layer: bits[0] for own in self.weights if (bits := found[own.layer]) is not None}

    @property
    def macs(self) -> int:
        """Multiply-accumulates of an inference, those with zeros included."""
        return sum(layer.macs for layer in self.hardware.layers)

    @property
    def effectual_macs(self) -> float:
        """Those with both operands nonzero, on average."""
        return sum(layer.effectual_macs for layer in self.hardware.layers)

    @property
    def decoder_rate(self) -> float:
        """Weights a cycle that the decoder has to deliver at most: what DRAM brings, or the scratchpad takes, of them.

        0 where nothing is packed, infinite where no memory has a limit.
        """
        machine = parse_machine(self.hardware.machine)
        bus, port = machine.dram_bits_per_cycle, machine.filter_sram.bits_per_cycle
        packed = [layer.weight_bits for layer in self.hardware.layers if layer.weight_bits]
        return max((_rate(bits, bus, port) for bits in packed if bits[0] < bits[1]), default=0.0)

    @property
    def decoder_mean(self) -> float:
        """Weights a cycle that the decoder delivers, on average over the inference: each as often as DRAM brings it.

        0 where nothing is packed, not a number where packing changes how often weights are brought.
        """
        layers = zip(self.hardware.layers, self.plain.layers, strict=True)
        return sum(_brought(packed, plain) for packed, plain in layers) / self.hardware.cycles


def _brought(packed: LayerHardware, plain: LayerHardware) -> float:
    """Return how many weights DRAM brings packed: what packing spares it, over what it spares of one weight."""
    outside, inside = packed.weight_bits or (0.0, 0.0)
    if outside >= inside:
        return 0.0
    spared = plain.memory_bits["dram"] - packed.memory_bits["dram"]
    return spared / (inside - outside) if packed.tiling == plain.tiling else math.nan


def _rate(bits: tuple[float, float], bus: Fraction | None, port: int | None) -> float:
    """Return the weights that pass in a cycle, of so many bits outside and inside."""
    outside, inside = bits
    limits = [float(bus) / outside] if bus is not None and outside else []
    return min([*limits, *([port / inside] if port is not None else [])], default=math.inf)


def measure(
    measured: Subject,
    test: Dataset,
    calibration: Dataset,
    settings: ArraySettings,
    threads: int = 1,
    report: Callable[[str], None] = lambda line: None,
) -> Measured:
    """Run a network in float64 and on the array; as ``measure_on``, on the machine of the settings.

    Raises:
        HwsimError: as ``measure_on``.
    """
    (found,) = measure_on((settings.machine,), measured, Images(test, calibration), settings, threads, report)
    return found


def measure_on(
    machines: Sequence[str],
    measured: Subject,
    images: Images,
    settings: ArraySettings,
    threads: int = 1,
    report: Callable[[str], None] = lambda line: None,
    kept: KeptAnswers | None = None,
) -> tuple[Measured, ...]:
    """Run a network in float64 and on the array once, and price an inference on each machine.

    The weights of every network lie packed in DRAM: each layer by a Huffman code of its own, with its index and table
    (``layer_bits``), where that is smaller than the bits of its format on the array. They are unpacked once, where they
    cross the chip's edge. A machine that says ``compress=`` is left as it is.

    Args:
        machines: Spellings.
        measured: The network; its note is reported.
        images: That it runs on.
        settings: Formats and prices.
        threads: Batches computed at the same time.
        report: Called with what is being done.
        kept: Where answers of float32 networks are kept.

    Raises:
        DataError: images that do not fit the network.
        FormatError: formats that the layers cannot run in.
        MachineError: a machine that cannot be read.
        CostError: prices that the table lacks.
    """
    network, table = measured.network, find_table(settings.table)
    spelled = [(machine, packed_machine(machine)) for machine in machines]
    read = [(read_machine(_COMPRESS.sub("", plain)), read_machine(packed)) for plain, packed in spelled]
    report(f"{measured.label}: {len(images.test)} images, in float64 and on the array")
    if measured.note:
        report(f"{measured.label}: {measured.note}")
    found = (
        answers(network, images, settings, threads)
        if kept is None or measured.data is not None
        else kept.of(network, images, settings, threads, lambda line: report(f"{measured.label}: {line}"))
    )
    _, weights = array_assignment(network, settings)
    layers = with_packed_bits(found.layers, layer_bits(network, weights))
    results = []
    for (plain, packed), (_, spelling) in zip(read, spelled, strict=True):
        report(f"{measured.label}: {spelling}, prices {settings.table}")
        done, as_is = (run_hardware(network, layers, machine, table, len(images.test)) for machine in (packed, plain))
        test, masks = images.test, (found.float_mask, found.array_mask)
        results.append(Measured(measured, *masks, weights, done, as_is, settings.acts, test.name, test.split))
    return tuple(results)


def packed_machine(machine: str) -> str:
    """Return the spelling of ``machine`` with weights packed layer by layer in DRAM, unless it says how they are.

    >>> packed_machine("16x16-ws"), packed_machine("16x16-ws,compress=bitmap")
    ('16x16-ws,compress=layers@dram', '16x16-ws,compress=bitmap')
    """
    return machine if _COMPRESS.search(machine) else f"{machine},{PACKING}"


def layer_bits(network: Network, weights: Sequence[LayerWeights]) -> Mapping[str, float]:
    """Return the bits that a weight of each layer takes in a Huffman-coded file of what the array holds.

    Codes, index and table of the layer count, and its share of a table that layers have in common. Rounded up to
    whole parts of 1/10,000 bit.

    Raises:
        CompressionError: a network that cannot be packed.
    """
    found = weight_bits(pack(on_array(network, weights), ARRAY_CODER))
    return {own.layer: math.ceil(_PARTS * found[f"{own.layer}.weight"]) / _PARTS for own in weights}
