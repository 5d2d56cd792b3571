"""Machines, formats and networks that the laws are tried on; one place, so that a new one meets every law."""

from __future__ import annotations

from dataclasses import replace
from functools import cache

from hwsim.array import ActionCount, Machine, Workload, layer_traffic, parse_machine
from hwsim.costing.assumed import assumed_numerics
from hwsim.costing.from_shapes import CostReport, cost
from hwsim.layer_work import Task, layer_tasks
from hwsim.network import Network, fold_shapes
from hwsim.network.assignment import Assignment
from models import NETWORKS, load_network
from models.shapes import SHAPES

MACHINES = (
    "16x16-ws",
    "12x14-is,outreg",
    "32x8-os",
    "8x32-os,direct,nogating",
    "16x16-ws,shadow,filter=8KiB,ifmap=16KiB,ofmap=4KiB",
    "16x16-os,overlap,dram=lpddr4@3.2GB/s,double",
    "4x64-ws,ifmap=64KiB/128b,filter=64KiB/64b,ofmap=64KiB/256b/1r1w,dram=12.8GB/s",
    "edge-16x16,tiling=fixed",
    "eyeriss-12x14,tiling=fixed",
    "tpu-128x128,tiling=fixed",
)
NAMES = tuple(dict.fromkeys((*SHAPES, *NETWORKS)))
FORMATS = {"int8": ("int8", "int8", "int32@2^0"), "shift": ("pow2<4>", "int8", "int24@2^0"), "fp16": ("fp16",) * 3}
TABLES = ("published45", "aladdin45")


@cache
def network(name: str) -> Network:
    """Return a network of the zoo, by its shapes; a trained one if it is known by those alone under another name."""
    return fold_shapes(SHAPES[name]() if name in SHAPES else load_network(name))


@cache
def assignment(name: str) -> Assignment:
    """Return formats by a short name."""
    weights, acts, acc = FORMATS[name]
    fields = {"weights": weights, "acts": acts, "acc": acc}
    return Assignment(Assignment.uniform("fp16").default.from_dict(fields))


@cache
def machine(text: str) -> Machine:
    """Return a parsed machine."""
    return parse_machine(text)


@cache
def report(name: str, text: str, formats: str = "int8", table: str = "published45", batch: int = 1) -> CostReport:
    """Price a network, once."""
    return cost(network(name), assignment(formats), machine(text), table, batch)


@cache
def tasks(
    name: str, text: str, formats: str = "int8", batch: int = 1, sparsity: float | None = None
) -> tuple[Task, ...]:
    """Return what each layer is to the machine."""
    layers = assumed_numerics(network(name), assignment(formats), sparsity)
    return layer_tasks(network(name), layers, machine(text), 1, batch)


@cache
def works(name: str, text: str, sparsity: float | None = None) -> tuple[Workload, ...]:
    """Return the different matrix products of a network."""
    found = (task.work for task in tasks(name, text, sparsity=sparsity))
    return tuple({replace(work, layer=""): work for work in found if isinstance(work, Workload)}.values())


@cache
def traffic(work: Workload, text: str) -> tuple[ActionCount, ...]:
    """Return everything that happens while a product runs."""
    return layer_traffic(machine(text), work)
