"""From the text that names a table to the table: shipped, your own, or either at another technology node."""

from __future__ import annotations

import re
from pathlib import Path

from hwsim.cost.scaling import scale_table
from hwsim.cost.tables import PriceTable, load_table, read_table

_SPELLED = re.compile(r"(?P<table>.+)@(?P<node>\d+(?:\.\d+)?)nm(?:,(?P<voltage>\d+(?:\.\d+)?)V)?")


def find_table(spelling: str) -> PriceTable:
    """Return a shipped table by its name, or your own by a path that ends in .csv; "@45nm" scales it to that node.

    "sky130@45nm" is at the node's nominal supply, "sky130@45nm,0.9V" at 0.9 V. A file NAME.pe.csv beside NAME.csv holds
    its synthesised elements.

    Raises:
        CostError: neither; a file with faults, all of which are listed; or a node that the scaling law does not reach.

    >>> find_table("published45").name, find_table("published45@7nm").name
    ('published45', 'published45@7nm')
    """
    scaled = scaled_name(spelling)
    if scaled is not None:
        name, node_nm, voltage_v = scaled
        return scale_table(find_table(name), node_nm, voltage_v)
    return read_table(Path(spelling)) if spelling.endswith(".csv") else load_table(spelling)


def scaled_name(spelling: str) -> tuple[str, float, float | None] | None:
    """Return (table, node in nm, voltage in V or None) of a spelling such as "sky130@45nm,0.9V"; None for others.

    >>> scaled_name("sky130@45nm"), scaled_name("mine.csv@7nm,0.6V"), scaled_name("sky130")
    (('sky130', 45.0, None), ('mine.csv', 7.0, 0.6), None)
    """
    match = _SPELLED.fullmatch(spelling)
    if match is None:
        return None
    return match["table"], float(match["node"]), float(match["voltage"]) if match["voltage"] else None
