"""``hwsim cost``: what a network costs, from its shapes alone."""

from __future__ import annotations

import argparse
from typing import TYPE_CHECKING, Any

from hwsim.cli_options import TABLE_HELP, add_format_options

if TYPE_CHECKING:
    from hwsim.costing import LayerList
    from hwsim.network import Network


def add_commands(commands: Any) -> None:
    """Add the subcommand ``cost`` to argparse's ``commands``."""
    cost = commands.add_parser("cost", help="cycles, energy, power and area of a network from its shapes alone")
    cost.add_argument(
        "network", metavar="NETWORK", help="lenet5, alexnet, vgg16, googlenet, resnet18, resnet50, mobilenetv2, "
        "bert-layer, lstm; a trained network (hwsim networks); a .npz file; or a .csv list with name,m,n,k[,groups]"
    )  # fmt: skip
    add_format_options(cost)
    cost.add_argument("--bias", metavar="FORMAT", help="of stored biases (default: the accumulator's)")
    cost.add_argument(
        "--layer", action="append", default=[], metavar="LAYER.ROLE=FORMAT", help="a format for one tensor of one layer"
    )
    machine = "such as 16x16-ws@800MHz, or an area: 2mm2-ws@<=1GHz (default: %(default)s)"
    cost.add_argument("--machine", default="16x16-ws", help=machine)
    cost.add_argument("--table", default="published45", help=f"{TABLE_HELP} (default: %(default)s)")
    cost.add_argument("--batch", type=int, default=1, metavar="N", help="images that go through together (default: 1)")
    cost.add_argument("--sparsity", type=float, metavar="SHARE", help="assumed share of products with a zero, 0 to 1")
    output = cost.add_mutually_exclusive_group()
    output.add_argument("--json", action="store_true", help="print JSON")
    output.add_argument("--csv", action="store_true", help="print CSV, one row per layer")
    cost.set_defaults(run=_cost)


def _cost(arguments: argparse.Namespace) -> None:
    import json

    from hwsim.cli_options import assignment_of
    from hwsim.costing import cost, cost_csv, cost_dict, cost_text

    report = cost(
        load_shapes(arguments.network),
        assignment_of(arguments),
        arguments.machine,
        arguments.table,
        arguments.batch,
        arguments.sparsity,
    )
    if arguments.json:
        print(json.dumps(cost_dict(report), indent=2))
    elif arguments.csv:
        print(cost_csv(report), end="")
    else:
        print(cost_text(report))


def load_shapes(name_or_path: str) -> Network | LayerList:
    """Return a network by name, from a network file, or from a list of layers. Raises NetworkError."""
    from pathlib import Path

    from hwsim.costing import read_layers
    from models import load_shape_network

    return read_layers(Path(name_or_path)) if name_or_path.endswith(".csv") else load_shape_network(name_or_path)
