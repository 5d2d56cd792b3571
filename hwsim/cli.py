"""The command ``hwsim``: list formats, networks and prices; run a network and price it."""

from __future__ import annotations

import argparse
import sys
from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

from hwsim import __version__
from hwsim.cli_options import TABLE_HELP, add_format_options, assignment_of
from hwsim.command import guarded
from hwsim.compare.cli import add_commands as add_compare
from hwsim.costing.cli import add_commands as add_cost
from hwsim.machines.cli import add_commands as add_machines
from hwsim.rtl.cli import add_commands as add_rtl
from hwsim.sweep.cli import add_commands as add_sweep
from hwsim.synth.cli import add_commands as add_synth
from hwsim.validation.cli import add_commands as add_validate

if TYPE_CHECKING:
    from hwsim.network.assignment import Assignment
    from hwsim.simulation import SimulationReport


def main(argv: Sequence[str] | None = None) -> int:
    """Run the command line; return the exit code: 0, 2 for bad input, 130 for an interrupt."""
    arguments = _parser().parse_args(argv)
    return guarded("hwsim", lambda: arguments.run(arguments))


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(
        prog="hwsim",
        description="Run networks bit-accurately in any number format on a systolic array, and price every cycle.",
    )
    parser.add_argument("--version", action="version", version=f"hwsim {__version__}")
    commands = parser.add_subparsers(required=True, metavar="COMMAND")
    _add_formats(commands)
    networks = commands.add_parser("networks", help="list the networks that come with the package")
    networks.set_defaults(run=_networks)
    _add_run(commands)
    _add_explain(commands)
    add_machines(commands)
    add_compare(commands)
    add_cost(commands)
    add_sweep(commands)
    add_rtl(commands)
    add_synth(commands)
    add_validate(commands)
    return parser


def _add_formats(commands: Any) -> None:
    formats = commands.add_parser("formats", help="list every number format, or explain the ones named")
    formats.add_argument("formats", nargs="*", metavar="FORMAT", help="such as 'fixed<8,4>' or e4m3")
    formats.add_argument("--codes", action="store_true", help="list every code of the formats named, with its value")
    formats.add_argument("--json", action="store_true", help="print JSON")
    formats.set_defaults(run=_formats)


def _add_run(commands: Any) -> None:
    run = commands.add_parser("run", help="accuracy, cycles and energy of a network in given formats on a machine")
    run.add_argument("network", metavar="NETWORK", help="a name (hwsim networks), or a .npz or .hwz file")
    add_format_options(run)
    run.add_argument("--bias", metavar="FORMAT", help="of stored biases (default: the accumulator's)")
    run.add_argument(
        "--layer", action="append", default=[], metavar="LAYER.ROLE=FORMAT", help="a format for one tensor of one layer"
    )
    run.add_argument(
        "--machine", default="16x16-ws", help="such as 16x16-ws@800MHz or 2mm2-ws@<=1GHz (default: 16x16-ws)"
    )
    run.add_argument("--table", default="published45", help=f"{TABLE_HELP} (default: %(default)s)")
    run.add_argument("--tables", action="store_true", help="price by every table that ships, side by side")
    run.add_argument("--data", metavar="NAME", help="data set, or a .npz file (default: the network's own)")
    run.add_argument("--split", default="test", help="train, calibration or test (default: %(default)s)")
    run.add_argument("--images", type=int, metavar="N", help="only the first N images")
    run.add_argument("--threads", type=int, metavar="N", help="images computed in parallel (default: the cores)")
    output = run.add_mutually_exclusive_group()
    output.add_argument("--json", action="store_true", help="print JSON")
    output.add_argument("--csv", action="store_true", help="print CSV, one row per layer")
    run.set_defaults(run=_run)


def _add_explain(commands: Any) -> None:
    explain = commands.add_parser("explain", help="trace the price of a processing element to its sources")
    add_format_options(explain)
    explain.add_argument("--table", default="published45", help=f"{TABLE_HELP} (default: %(default)s)")
    flows = ("ws", "os", "is")
    explain.add_argument("--dataflow", default="ws", choices=flows, help="of a synthesised element (default: ws)")
    explain.set_defaults(run=_explain)


def _formats(arguments: argparse.Namespace) -> None:
    from hwsim.catalog import cards_text, catalog, code_table, format_card
    from hwsim.formats import parse

    named = {text: parse(text) for text in arguments.formats} or catalog()
    cards = [(name, format_card(fmt)) for name, fmt in named.items()]
    if arguments.json:
        _print_json([card.to_dict() for _, card in cards])
        return
    print(cards_text(cards))
    if arguments.codes and arguments.formats:
        for name, fmt in named.items():
            print(f"\ncodes of {name}")
            print("\n".join(f"  {code}  {value}" for code, value in code_table(fmt)))


def _networks(_: argparse.Namespace) -> None:
    from hwsim.network import fold, gemm_shape
    from hwsim.text import text_table
    from models import NETWORKS, load_network

    rows = []
    for name, entry in NETWORKS.items():
        network = fold(load_network(name))
        macs = sum(gemm_shape(network, layer).macs for layer in network.mac_layers)
        parameters = sum(tensor.size for tensor in network.tensors.values())
        accuracy = network.metadata.get("float_accuracy", {})
        share = f"{accuracy['correct']} of {accuracy['total']}" if accuracy else "-"
        size = [len(network.mac_layers), f"{parameters:,}", f"{macs:,}"]
        rows.append([name, entry.dataset, *size, share, entry.description])
    print(text_table(["network", "data", "layers", "parameters", "MACs", "float accuracy", "what it is"], rows))
    print(f"\nas shapes alone, for hwsim cost and hwsim sweep\n\n{_shapes_text()}")


def _shapes_text() -> str:
    from math import prod

    from hwsim.network import gemm_shape
    from hwsim.text import text_table
    from models import SHAPES

    rows = []
    for name, make in SHAPES.items():
        network = make()
        macs = sum(gemm_shape(network, layer).macs for layer in network.product_layers)
        trained = [shape for part, shape in network.tensor_shapes.items() if not part.endswith((".mean", ".variance"))]
        parameters = sum(map(prod, trained))
        rows.append([name, len(network.product_layers), f"{parameters:,}", f"{macs:,}", network.metadata["source"]])
    return text_table(["network", "layers", "parameters", "MACs", "source"], rows)


def _run(arguments: argparse.Namespace) -> None:
    from hwsim.report import report_text
    from hwsim.report_data import report_csv, report_dict

    report = _simulate(arguments, assignment_of(arguments))
    if arguments.tables:
        _across_tables(arguments, report)
    elif arguments.json:
        _print_json(report_dict(report))
    elif arguments.csv:
        print(report_csv(report), end="")
    else:
        print(report_text(report))


def _across_tables(arguments: argparse.Namespace, report: SimulationReport) -> None:
    from hwsim.compare.side_by_side import across_csv, across_dict, across_tables, across_text
    from hwsim.floorplan import read_machine
    from hwsim.simulation import run_hardware
    from models import load_network

    network, machine, numerics = load_network(arguments.network), read_machine(arguments.machine), report.numerics
    found = across_tables(lambda table: run_hardware(network, numerics.layers, machine, table, numerics.total))
    if arguments.json:
        _print_json(across_dict(found))
    elif arguments.csv:
        print(across_csv(found), end="")
    else:
        print(f"{report.network} on {arguments.machine}, one inference by every table\n\n{across_text(found)}")


def _simulate(arguments: argparse.Namespace, assignment: Assignment) -> SimulationReport:
    from hwsim.errors import DataError
    from hwsim.network.threads import usable_cores
    from hwsim.simulation import simulate
    from models import data_for, load_data, load_network

    if arguments.images is not None and arguments.images < 1:
        raise DataError(f"--images {arguments.images}: at least 1 image is needed")
    network = load_network(arguments.network)
    name = arguments.data or data_for(network)
    data = load_data(name, arguments.split)
    if arguments.images is not None:
        data = data.subset(arguments.images)
    calibration = load_data(name, "calibration")
    images = data.images, data.labels, calibration.images
    threads = usable_cores() if arguments.threads is None else arguments.threads
    return simulate(network, assignment, arguments.machine, *images, table=arguments.table, threads=threads)


def _explain(arguments: argparse.Namespace) -> None:
    from hwsim.array import Dataflow
    from hwsim.cost import Usage, explain, find_table, price_pe
    from hwsim.formats.pe_kinds import pe_for
    from hwsim.text import text_table

    formats = assignment_of(arguments).default
    pe = pe_for(formats.weights, formats.acts, formats.acc, formats.product)
    prices = find_table(arguments.table)
    usage = Usage(Dataflow(arguments.dataflow))
    found = explain(pe, prices, usage)
    rows = [_explained(row) for row in found]
    header = ["when", "part", "operation", "bits", "count", "pJ", "um2", "basis", "rows of the table"]
    sources = "\n".join(f"  {source}" for source in dict.fromkeys(source for row in found for source in row.sources))
    notes = "\n".join(f"  {note}" for note in price_pe(pe, prices, usage).notes)
    title = f"{pe.kind.value}, prices {prices.name}" + (f", {arguments.dataflow}" if prices.elements else "")
    print(f"{title}\n\n{text_table(header, rows)}\n\nsources\n{sources}\n\nnotes\n{notes}")


def _explained(row: Any) -> list[object]:
    term, prices = row.term, (_number(row.energy_pj), _number(row.area_um2))
    unit = [row.role, term.name, term.operation.value, f"{term.bits:g}", term.count]
    return [*unit, *prices, row.basis.value, ", ".join(row.places)]


def _number(value: float | None) -> str:
    return "unknown" if value is None else f"{value:.4g}"


def _print_json(value: Any) -> None:
    import json

    print(json.dumps(value, indent=2))


if __name__ == "__main__":
    sys.exit(main())
