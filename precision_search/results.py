"""Stored results as tables; reading works while a sweep is still writing."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

from precision_search.database import explained, open_for_reading
from precision_search.errors import SelectionError
from precision_search.families import family
from precision_search.frontier import pareto_front, wilson
from precision_search.records import unpack_mask
from precision_search.schema import ENERGY_COMPONENTS, has_built

if TYPE_CHECKING:
    import pandas as pd

_ENERGY = ", ".join(f"h.energy_{component}_pj" for component in ENERGY_COMPONENTS)
_FRAME = f"""
    SELECT n.network, n.dataset, n.split, n.images, n.weights, n.acts, n.acc,
           coalesce(n.product, 'exact') AS product, coalesce(n.bias, n.acc) AS bias, n.overrides,
           h.machine, {{built}} AS built, h.price_table, h.status, n.correct, n.total, n.nan_images,
           h.cycles, h.runtime_s, {_ENERGY},
           h.energy_total_pj AS energy_pj, h.power_w, h.area_um2, h.weight_bits, h.unpriced,
           n.wall_s AS numerics_wall_s, h.wall_s AS hardware_wall_s, h.error_type, h.error,
           h.hardware_key, n.numerics_key, n.network_hash, n.data_hash, n.kernel_version, h.price_table_hash,
           h.simulator_version, h.code_version, h.stored_at
    FROM hardware h JOIN numerics n USING (numerics_key)
    ORDER BY n.network, n.dataset, n.split, n.images, h.machine, h.price_table, n.weights, n.acts, n.acc, n.product,
             n.bias, n.overrides, h.hardware_key"""
_NAMES = ["network", "dataset", "split", "images", "price_table"]
_GENERATION = ["network_hash", "data_hash", "kernel_version", "price_table_hash", "simulator_version"]


@dataclass(frozen=True)
class Selection:
    """Which stored results are meant; None leaves a column free.

    A frontier compares formats and machines, so everything else must be the same in all rows.
    """

    network: str | None = None
    dataset: str | None = None
    split: str | None = None
    images: int | None = None
    machine: str | None = None
    price_table: str | None = None

    def named(self) -> dict[str, str | int]:
        """Return the columns that are fixed."""
        return {name: value for name, value in vars(self).items() if value is not None}


@dataclass(frozen=True)
class Results:
    """The configurations stored in a file.

    Attributes:
        store: the result file.
        keys: hardware keys to look at, in order; None for everything in the file.
    """

    store: Path
    keys: tuple[str, ...] | None = field(default=None, repr=False)

    def frame(self, selection: Selection = Selection()) -> pd.DataFrame:
        """Return one row per configuration, the same for any number of jobs except for the wall times.

        Where the same names were evaluated again after the network, the data, the prices or the simulator's code had
        changed, only the newest generation is shown. Columns ``accuracy``, ``accuracy_low`` and ``accuracy_high``
        (Wilson, 95 %) are derived from the counts ``correct`` and ``total``. Metrics are missing only where
        ``status`` is not ``ok``.

        Raises:
            StoreError: the file cannot be read.
            SelectionError: nothing stored matches.
        """
        frame = _with_rates(self._read())
        if self.keys is None:
            frame = _newest(frame)
        else:
            order = {key: place for place, key in enumerate(self.keys)}
            frame = frame[frame["hardware_key"].isin(order)]
            frame = frame.sort_values("hardware_key", key=lambda keys: keys.map(order))
        return _selected(frame, selection).reset_index(drop=True)

    def frontier(
        self, cost: str = "power_w", gain: str = "accuracy", selection: Selection = Selection()
    ) -> pd.DataFrame:
        """Return the configurations that no other dominates, cheapest first.

        Raises:
            SelectionError: no such cost, or the rows mix networks, data or price tables: name one.
        """
        frame = self.frame(selection)
        check_comparable(frame)
        return pareto_front(frame, cost, gain)

    def masks(self, numerics_keys: Sequence[str]) -> NDArray[np.bool_]:
        """Return which images each of the named inferences got right, (inferences, images), for paired comparison."""
        connection = open_for_reading(self.store)
        query = "SELECT correct_mask, total FROM numerics WHERE numerics_key = ? AND status = 'ok'"
        with explained(self.store):
            rows = [connection.execute(query, (key,)).fetchone() for key in numerics_keys]
        connection.close()
        if None in rows:
            raise SelectionError(f"no result is stored under numerics key {numerics_keys[rows.index(None)]!r}")
        return np.array([unpack_mask(mask, total) for mask, total in rows])

    def baseline(self, frame: pd.DataFrame) -> tuple[int, int] | None:
        """Return correct and total of the floating-point network on the images of ``frame``, if stored."""
        check_comparable(frame)
        query = """SELECT b.correct, b.total FROM baseline b JOIN numerics n
                   USING (network_hash, data_hash, split, images) WHERE n.numerics_key = ?"""
        connection = open_for_reading(self.store)
        with explained(self.store):
            row = connection.execute(query, (frame["numerics_key"].iloc[0],)).fetchone()
        connection.close()
        return None if row is None else (int(row[0]), int(row[1]))

    def _read(self) -> pd.DataFrame:
        import pandas

        connection = open_for_reading(self.store)
        with explained(self.store):
            built = "coalesce(h.built, h.machine)" if has_built(connection) else "h.machine"
            cursor = connection.execute(_FRAME.format(built=built))
            columns = [column[0] for column in cursor.description]
            rows = cursor.fetchall()
        connection.close()
        return pandas.DataFrame(rows, columns=columns)


def check_comparable(frame: pd.DataFrame) -> None:
    """Raise SelectionError if the rows differ in what a frontier must hold fixed."""
    for column in _NAMES:
        values = sorted(frame[column].astype(str).unique())
        if len(values) > 1:
            option = f"--{column.replace('price_', '')}"
            raise SelectionError(
                f"these results mix {len(values)} values of {column} ({', '.join(values)}), which cannot be compared "
                f"on one frontier: choose one with {option}"
            )


def _selected(frame: pd.DataFrame, selection: Selection) -> pd.DataFrame:
    for column, value in selection.named().items():
        kept = frame[frame[column] == value]
        if kept.empty:
            known = ", ".join(str(known) for known in sorted(frame[column].unique())) or "nothing"
            raise SelectionError(f"no stored result has {column} = {value!r}; stored: {known}")
        frame = kept
    if frame.empty:
        raise SelectionError("no result is stored yet; start a sweep with: precision-search run")
    return frame


def _newest(frame: pd.DataFrame) -> pd.DataFrame:
    """Drop rows made from an older network, data, price table or simulator than the newest row of the same names."""
    newest = frame.sort_values("stored_at").groupby(_NAMES, sort=False)[_GENERATION].last().reset_index()
    return frame.merge(newest, on=[*_NAMES, *_GENERATION], how="inner")


def _with_rates(frame: pd.DataFrame) -> pd.DataFrame:
    total = frame["total"].to_numpy(float)
    correct = frame["correct"].to_numpy(float)
    low, high = wilson(correct, total)
    rates = {"accuracy": correct / total, "accuracy_low": low, "accuracy_high": high}
    place = list(frame.columns).index("total")
    for offset, (name, values) in enumerate(rates.items(), start=1):
        frame.insert(place + offset, name, values)
    frame.insert(list(frame.columns).index("weights"), "family", [family(weights) for weights in frame["weights"]])
    return frame
