"""One network, asked about one machine after another: what does not depend on the machine is done once."""

from __future__ import annotations

from hwsim.array import Machine
from hwsim.cost import PriceTable
from hwsim.costing.from_shapes import check_batch, cost
from hwsim.network import Network, fold_shapes
from hwsim.network.assignment import Assignment, LayerFormats
from hwsim.sweep.evaluate import Outcome, evaluate, vectorisable
from hwsim.sweep.layers import layer_columns
from hwsim.sweep.points import Point
from hwsim.sweep.prices import PriceBook
from hwsim.sweep.run import outcome_of


class QuickCost:
    """Totals of a network on any machine in any format, one at a time: for searches that choose the next point.

    The numbers are those of ``hwsim.costing.cost``, bit by bit; machines that the closed forms on arrays do not know
    are priced by it.

    Args:
        network: folded or not, with or without tensors.
        table: the prices.
        batch: images that go through together.
        sparsity: assumed share of products with a zero operand.

    >>> from hwsim.array import parse_machine
    >>> from hwsim.cost import load_table
    >>> from hwsim.network import Conv2d, Layer
    >>> network = Network("one", (3, 8, 8), (Layer("conv", Conv2d(4, (3, 3)), ("input",)),), {})
    >>> quick = QuickCost(network, load_table("published45"))
    >>> quick(parse_machine("8x8-ws"), LayerFormats.of("int8", "int8", "int24")).cycles
    232
    """

    def __init__(self, network: Network, table: PriceTable, batch: int = 1, sparsity: float | None = None) -> None:
        check_batch(batch)
        self._network = fold_shapes(network)
        self._columns = layer_columns(self._network, batch, sparsity)
        self._book = PriceBook(table)
        self._batch, self._sparsity = batch, sparsity

    def __call__(self, machine: Machine, formats: LayerFormats) -> Outcome:
        """Return what one batch costs. Raises HwsimError."""
        found = evaluate(self._columns, [Point(machine, formats)], self._book)[0] if vectorisable(machine) else None
        if found is not None:
            return found
        table = self._book.table
        report = cost(self._network, Assignment(formats), machine, table, self._batch, self._sparsity)
        return outcome_of(report.hardware)
