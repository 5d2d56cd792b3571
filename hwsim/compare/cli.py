"""``hwsim tables`` and ``hwsim compare``: the tables of prices, and shift-add against multipliers by each of them."""

from __future__ import annotations

import argparse
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from hwsim.cost import PriceTable


def add_commands(commands: Any) -> None:
    """Add the subcommands ``tables`` and ``compare`` to argparse's ``commands``."""
    tables = commands.add_parser("tables", help="list the tables of prices, with the error of their elements")
    tables.add_argument("tables", nargs="*", metavar="TABLE", help="a name, or a .csv file (default: all that ship)")
    tables.add_argument("--sources", action="store_true", help="print every citation")
    tables.add_argument("--json", action="store_true", help="print JSON")
    tables.set_defaults(run=_tables)
    compare = commands.add_parser("compare", help="shift-add against int8x8, int8x4, fp8, fp16 and fp32 elements")
    compare.add_argument("network", nargs="?", metavar="NETWORK", help="run it in each, and price its own activity")
    compare.add_argument("--images", type=int, metavar="N", help="of the test images, only the first N")
    compare.add_argument("--machine", default="16x16", help="rows and columns, and options (default: %(default)s)")
    compare.add_argument("--weights", default="pow2<4>", metavar="FORMAT", help="of shift-add (default: %(default)s)")
    compare.add_argument("--acts", default="int8", metavar="FORMAT", help="of shift-add (default: %(default)s)")
    compare.add_argument("--acc", default="int24", metavar="FORMAT", help="of shift-add (default: %(default)s)")
    compare.add_argument("--table", action="append", metavar="TABLE", help="repeat for more (default: all that ship)")
    compare.add_argument("--dataflow", action="append", choices=("ws", "os", "is"), help="repeat (default: ws and os)")
    compare.add_argument("--notes", action="store_true", help="say where each price comes from")
    compare.add_argument("--json", action="store_true", help="print JSON")
    compare.set_defaults(run=_compare)


def _tables(arguments: argparse.Namespace) -> None:
    from hwsim.compare.listing import list_tables, listing_dict, listing_text

    cards = list_tables(arguments.tables or None)
    if arguments.json:
        _print_json(listing_dict(cards))
        return
    print(listing_text(cards))
    if arguments.sources:
        for card in cards:
            print("\n".join([f"\n{card.name}", *(f"  {source}" for source in card.sources)]))


def _compare(arguments: argparse.Namespace) -> None:
    from hwsim.compare.side_by_side import COUNTING
    from hwsim.cost import find_table, table_names

    names = arguments.table or [name for name in table_names() if name != COUNTING]
    tables = [find_table(name) for name in names]
    formats = (arguments.weights, arguments.acts, arguments.acc)
    flows = arguments.dataflow or ["ws", "os"]
    if arguments.network is None:
        _elements(arguments, formats, tables, flows)
    else:
        _network(arguments, formats, tables, flows)


def _network(
    arguments: argparse.Namespace, formats: tuple[str, str, str], tables: list[PriceTable], flows: list[str]
) -> None:
    from hwsim.array import parse_machine
    from hwsim.compare.on_network import network_dict, network_rows, network_text, run_contenders
    from models import data_for, load_data, load_network

    size, comma, options = arguments.machine.partition(",")
    machines = [parse_machine(f"{size}-{flow}{comma}{options}") for flow in flows]
    network = load_network(arguments.network)
    name = data_for(network)
    data, calibration = load_data(name, "test"), load_data(name, "calibration")
    data = data if arguments.images is None else data.subset(arguments.images)
    results = run_contenders(network, formats, data.images, data.labels, calibration.images)
    found = [
        (network_rows(network, results, machine, table), machine, table.name)
        for table in tables
        for machine in machines
    ]
    if arguments.json:
        _print_json([network_dict(*one) for one in found])
        return
    print("\n\n".join(network_text(*one) for one in found))
    print("\narray: processing elements and registers. x: over shift-add; above 1, shift-add is better.")


def _elements(
    arguments: argparse.Namespace, formats: tuple[str, str, str], tables: list[PriceTable], names: list[str]
) -> None:
    from hwsim.array import Dataflow
    from hwsim.compare.headline import contenders, headline_dict, headline_text

    flows = [Dataflow(text) for text in names]
    found = [(table, flow, contenders(formats, table, flow)) for table in tables for flow in flows]
    if arguments.json:
        _print_json([headline_dict(own, table.name, flow) for table, flow, own in found])
        return
    for table, flow, own in found:
        print(f"{headline_text(own, table.name, flow)}\n")
        if arguments.notes:
            print("\n".join(f"  {contender.name}: {note}" for contender in own for note in contender.notes) + "\n")
    print("x: over shift-add; above 1, shift-add is better. Two energies: without glitches in the arithmetic, and with")


def _print_json(value: Any) -> None:
    import json

    print(json.dumps(value, indent=2))
