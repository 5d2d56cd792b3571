"""The commands ``hwsim machines`` and ``hwsim memories``."""

from __future__ import annotations

import argparse
from typing import Any


def add_commands(commands: Any) -> None:
    """Add the subcommands of this room to the command line."""
    machines = commands.add_parser("machines", help="list the machines that are known by name, with their sources")
    machines.set_defaults(run=_machines)
    memories = commands.add_parser("memories", help="what the memories of a machine cost, and how sure that is")
    memories.add_argument("--machine", default="16x16-ws", help="a name or a text (default: %(default)s)")
    memories.add_argument("--table", default="published45", help="price table, or a .csv file (default: %(default)s)")
    memories.add_argument("--errors", action="store_true", help="list the leave-one-out errors of all sources")
    memories.set_defaults(run=_memories)


def _machines(_: argparse.Namespace) -> None:
    from hwsim.array.presets import PRESETS

    for name, preset in PRESETS.items():
        print(f"{name}\n  {preset.text}")
        for what in ("formats", "table", "source", "differs"):
            print(f"  {what:8} {getattr(preset, what)}")
    print('\nA clock and options follow a name as they do a text: "edge-16x16@800MHz,tiling=time"')


def _memories(arguments: argparse.Namespace) -> None:
    from hwsim.array.machine import parse_machine
    from hwsim.cost import find_table
    from hwsim.cost.memories import memory_notes, table_price
    from hwsim.text import text_table

    if arguments.errors:
        print(_errors())
        return
    machine, table = parse_machine(arguments.machine), find_table(arguments.table)
    rows = []
    for memory in machine.srams:
        price = table_price(memory, table)
        if price is not None:
            numbers = [_number(value) for value in (price.read_pj, price.write_pj, price.area_um2, price.leakage_w)]
            rows.append([memory.name, price.word_bits, price.macros, price.family, *numbers])
    header = ["memory", "word", "macros", "of", "read pJ", "write pJ", "um2", "leakage W"]
    print(text_table(header, rows) if rows else f"{table.name} prices memories by its own rows only")
    print("\n".join(["", *memory_notes(machine, table)]))


def _errors() -> str:
    from hwsim.cost.memory_law import QUANTITIES, families, left_out
    from hwsim.text import text_table

    rows = []
    for family in sorted(families()):
        found = [left_out(family, quantity) for quantity in QUANTITIES]
        if family != "horowitz45":
            shown = [f"{own.mean:.1%} / {own.worst:.0%}" if own else "-" for own in found]
            rows.append([family, len(families()[family]), *shown])
    title = "Each listed memory predicted from the others: mean / worst relative error."
    return f"{title}\n\n{text_table(['family', 'memories', *QUANTITIES], rows)}"


def _number(value: float | None) -> str:
    return "unknown" if value is None else f"{value:.4g}"
