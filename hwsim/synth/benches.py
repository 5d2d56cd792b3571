"""Which netlist a dataflow needs, and which streams it is checked, priced and fitted with."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace
from pathlib import Path

from hwsim.array.parts import Dataflow
from hwsim.formats.base import PeKind
from hwsim.rtl.emit import core_parameters
from hwsim.synth.bench import Bench, held_bench, os_bench
from hwsim.synth.point import Point
from hwsim.synth.recipe import Recipe
from hwsim.synth.sources import rtl_sources, sources_sha256
from hwsim.synth.streams import Stream, StreamSpec, make_stream
from hwsim.synth.vectors import corner_stream


@dataclass(frozen=True)
class Unit:
    """One processing element for one dataflow.

    Attributes:
        point: the element.
        dataflow: whose registers it has.
    """

    point: Point
    dataflow: Dataflow

    @property
    def name(self) -> str:
        """Formats and dataflow, such as ``int8,int8,int24 ws``."""
        return f"{self.point.name} {self.dataflow.value}"

    @property
    def top(self) -> str:
        """The module."""
        return "pe_os" if self.dataflow is Dataflow.OUTPUT_STATIONARY else "pe_held"

    @property
    def sources(self) -> tuple[Path, ...]:
        """The RTL that it consists of."""
        return rtl_sources(self.point.kind, self.top)

    @property
    def rtl_sha256(self) -> str:
        """Hash of that RTL."""
        return sources_sha256(self.sources)

    def parameters(self, recipe: Recipe) -> Mapping[str, int]:
        """Return the parameters of ``top``."""
        return element_parameters(self.point, recipe) | self._own_parameters()

    def _own_parameters(self) -> dict[str, int]:
        if self.dataflow is Dataflow.OUTPUT_STATIONARY:
            return {}
        return {"HELD_ACT": int(self.dataflow is Dataflow.INPUT_STATIONARY)}

    def bench(self, stream: Stream) -> Bench:
        """Return ``stream`` as the ports of ``top`` see it."""
        if self.dataflow is Dataflow.OUTPUT_STATIONARY:
            return os_bench(stream)
        return held_bench(stream, self.dataflow is Dataflow.INPUT_STATIONARY)

    @property
    def spec(self) -> StreamSpec:
        """The stream that it is priced with."""
        return StreamSpec(self.dataflow.value)

    def check_streams(self, cycles: int, seed: int) -> dict[str, Stream]:
        """Return streams without any pattern, for the comparison with the reference only."""
        uniform = make_stream(self.point, StreamSpec("uniform"), cycles, seed)
        return {"uniform": uniform, "corners": corner_stream(self.point, cycles, seed)}


def element_parameters(point: Point, recipe: Recipe) -> dict[str, int]:
    """Return the parameters of the multiply-accumulate, with the multiplier that the recipe asks for."""
    core = core_parameters(point.weights, point.acts, point.acc, point.product)
    if recipe.split and point.kind is PeKind.INT_MAC and point.product is None:
        # Rounding to a product format that holds every product changes nothing but the order of the adders.
        width = core.act_bits + core.weight_bits + (0 if core.act_signed or core.weight_signed else 1)
        core = replace(core, product_bits=width, product_signed=1, product_saturate=0)
    return (core.structural() if recipe.structural_multiplier else core).as_dict()


def fit_specs(spec: StreamSpec) -> tuple[StreamSpec, ...]:
    """Return the streams of graded activity that the macro-model is fitted to: zeros, idle upper bits, repetition."""
    graded = [
        spec,
        replace(spec, zeros=0.5),
        replace(spec, zeros=0.9),
        replace(spec, size=0.125),
        replace(spec, zeros=0.5, size=0.25),
        replace(spec, repeat=4),
    ]
    if spec.flow == "os":
        return (*graded, replace(spec, reuse=8), replace(spec, reuse=512, zeros=0.7), replace(spec, repeat=16))
    return (*graded, replace(spec, above=0), replace(spec, above=1), replace(spec, hold=5), replace(spec, hold=1))


def held_out_specs(spec: StreamSpec) -> tuple[StreamSpec, ...]:
    """Return the streams that the macro-model's error is measured on."""
    graded = (
        replace(spec, zeros=0.25),
        replace(spec, zeros=0.75, size=0.5),
        replace(spec, repeat=2),
        replace(spec, size=0.35),
    )
    return (*graded, replace(spec, reuse=32) if spec.flow == "os" else replace(spec, hold=20, above=4))
