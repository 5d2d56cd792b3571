"""The commands ``hwsim verify`` and ``hwsim rtl``: the RTL against kernels and cycle counts, and the RTL as files."""

from __future__ import annotations

import argparse
import sys
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from hwsim.rtl.cases import LayerCase
    from hwsim.rtl.verify import LayerCheck

#: R differs from C, so that rows and columns cannot be exchanged unseen.
MACHINES = ("6x8-ws", "6x8-os", "6x8-is")
MACS = 100_000
FORMATS = (("weights", "pow2<4>"), ("acts", "fixed<8,4>"), ("acc", "fixed<16,8>"))


def add_commands(commands: Any) -> None:
    """Add ``verify`` and ``rtl`` to the command line ``hwsim``."""
    _add_verify(commands)
    _add_rtl(commands)


def _add_verify(commands: Any) -> None:
    from hwsim.cli_options import add_format_options

    verify = commands.add_parser(
        "verify",
        help="drive layers of a network through the RTL; compare every output bit and the cycles",
        description="Drive the layers of a real network through the RTL of the array and compare every bit of every "
        "sum with the kernels, and the cycles with the closed form and the stepped array. The exit code is 1 on "
        "any difference.",
        epilog="Formats that are not named: " + ", ".join(f"--{role} '{text}'" for role, text in FORMATS) + ".",
    )
    verify.add_argument("network", nargs="?", default="digits-cnn", metavar="NETWORK", help="default: %(default)s")
    add_format_options(verify)
    verify.add_argument(
        "--machine",
        action="append",
        metavar="MACHINE",
        help=f"such as 4x4-ws,shadow; may be given again (default: {', '.join(MACHINES)})",
    )
    verify.add_argument("--engine", default="icarus", help="icarus or verilator (default: %(default)s)")
    verify.add_argument("--layers", nargs="+", metavar="LAYER", help="only these (default: all)")
    verify.add_argument("--images", type=int, default=1, metavar="N", help="how many (default: %(default)s)")
    verify.add_argument(
        "--macs",
        type=int,
        default=MACS,
        metavar="N",
        help="multiply-accumulates of a layer to drive at most, on outputs spread over it (default: %(default)s)",
    )
    verify.add_argument("--full", action="store_true", help="every output of every layer")
    verify.add_argument("--json", action="store_true", help="print JSON")
    verify.set_defaults(run=_verify)


def _add_rtl(commands: Any) -> None:
    from hwsim.cli_options import add_format_options

    rtl = commands.add_parser(
        "rtl",
        help="write a machine for given formats as synthesizable SystemVerilog with a self-checking testbench",
        description="Write the array of a machine for given formats as synthesizable SystemVerilog, with a testbench "
        "that drives a layer of a network through it and compares every bit of every sum and the cycles. There: "
        "make sim (Icarus Verilog), make synth (Yosys), make gates, make lint (Verilator).",
    )
    add_format_options(rtl)
    rtl.add_argument("--bias", metavar="FORMAT", help="of stored biases (default: the accumulator's)")
    rtl.add_argument("--machine", default="16x16-ws", help="such as 8x8-os,overlap (default: %(default)s)")
    rtl.add_argument("--network", default="digits-cnn", help="a name or a .npz file (default: %(default)s)")
    rtl.add_argument(
        "--layer", dest="layer_name", metavar="LAYER", help="whose vectors are written (default: the first)"
    )
    rtl.add_argument("--data", metavar="NAME", help="data set, or a .npz file (default: the network's own)")
    rtl.add_argument("--images", type=int, default=1, metavar="N", help="how many (default: %(default)s)")
    rtl.add_argument(
        "--macs",
        type=int,
        default=MACS,
        metavar="N",
        help="multiply-accumulates of the layer to drive at most (default: %(default)s)",
    )
    rtl.add_argument("--full", action="store_true", help="every output of the layer")
    rtl.add_argument("-o", "--output", required=True, metavar="DIR", help="a new or empty folder")
    rtl.set_defaults(run=_rtl)


def _rtl(arguments: argparse.Namespace) -> None:
    from pathlib import Path

    from hwsim.array import parse_machine
    from hwsim.rtl.export import export_design

    machine = parse_machine(arguments.machine)
    case = _chosen_layer(arguments)
    design = export_design(Path(arguments.output), machine, case, arguments.network)
    core = design.core
    print(
        f"{len(design.files)} files in {design.folder}: {machine}, {core.core}, {core.act_bits}-bit activations, "
        f"{core.weight_bits}-bit weights, {core.acc_bits}-bit sums\n"
        f"layer {case.name}: {design.outputs} outputs, {design.cycles} cycles expected\n"
        f"next: make -C {design.folder} sim; make -C {design.folder} synth"
    )


def _chosen_layer(arguments: argparse.Namespace) -> LayerCase:
    from hwsim.cli_options import assignment_of
    from hwsim.errors import DataError
    from hwsim.network import fold
    from hwsim.rtl.cases import layer_cases
    from models import data_for, load_data, load_network

    for name in ("images", "macs"):
        if getattr(arguments, name) < 1:
            raise DataError(f"--{name} {getattr(arguments, name)}: give at least 1")
    assignment = assignment_of(arguments)
    network = fold(load_network(arguments.network))
    data = arguments.data or data_for(network)
    images = load_data(data, "test").subset(arguments.images).images
    calibration = load_data(data, "calibration").images
    layer = arguments.layer_name or network.mac_layers[0].name
    macs = None if arguments.full else arguments.macs
    return next(layer_cases(network, assignment, images, calibration, macs=macs, layers=[layer]))


def _verify(arguments: argparse.Namespace) -> int:
    checks = []
    for check in _checks(arguments):
        checks.append(check)
        if sys.stderr.isatty():
            print(f"{check.layer} on {check.machine}: {check.mismatches} mismatches", file=sys.stderr)
    if arguments.json:
        import json

        print(json.dumps([check.to_dict() for check in checks], indent=2))
    else:
        print(_table(checks))
    return 0 if all(check.passed for check in checks) else 1


def _checks(arguments: argparse.Namespace) -> Iterator[LayerCheck]:
    from hwsim.array import parse_machine
    from hwsim.cli_options import assignment_of
    from hwsim.errors import DataError
    from hwsim.rtl.cases import layer_cases
    from hwsim.rtl.cosim import Cosimulator
    from hwsim.rtl.verify import verify
    from models import data_for, load_data, load_network

    for name in ("images", "macs"):
        if getattr(arguments, name) < 1:
            raise DataError(f"--{name} {getattr(arguments, name)}: give at least 1")
    for role, default in FORMATS:
        if getattr(arguments, role) is None and arguments.all is None:
            setattr(arguments, role, default)
    machines = [parse_machine(text) for text in arguments.machine or MACHINES]
    network = load_network(arguments.network)
    data = data_for(network)
    images = load_data(data, "test").subset(arguments.images).images
    calibration = load_data(data, "calibration").images
    macs = None if arguments.full else arguments.macs
    cases = layer_cases(network, assignment_of(arguments), images, calibration, macs=macs, layers=arguments.layers)
    with Cosimulator(arguments.engine) as simulator:
        yield from verify(cases, machines, simulator)


def _table(checks: Sequence[LayerCheck]) -> str:
    from hwsim.text import text_table

    header = [
        "layer",
        "machine",
        "M x N x K",
        "folds",
        "RTL",
        "closed form",
        "stepper",
        "outputs",
        "mismatches",
        "s",
        "",
    ]
    rows = [
        [
            check.layer,
            check.machine,
            _shape(check),
            check.folds,
            check.cycles_rtl,
            check.cycles_formula,
            "-" if check.cycles_stepper is None else check.cycles_stepper,
            check.outputs,
            check.mismatches,
            f"{check.seconds:.1f}",
            "ok" if check.passed else "DIFFERS",
        ]
        for check in checks
    ]
    outputs, wrong = sum(check.outputs for check in checks), sum(check.mismatches for check in checks)
    failed = sum(not check.passed for check in checks)
    part = (
        ""
        if all(check.whole for check in checks)
        else "\n+ a part of the layer's outputs, with all their terms; --full drives all of them"
    )
    engine = checks[0].engine if checks else "no engine"
    summary = (
        f"{outputs} outputs compared bit by bit on {engine}, {wrong} mismatches; {failed} of {len(checks)} runs differ"
    )
    return f"{text_table(header, rows)}\n\ncycles: RTL, closed form, stepper. {summary}{part}"


def _shape(check: LayerCheck) -> str:
    m, n, k, groups = check.shape
    times = f"{groups} x " if groups > 1 else ""
    return f"{times}{m} x {n} x {k}{'' if check.whole else ' +'}"
