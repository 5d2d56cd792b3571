"""What an action costs: tables of prices with their sources, and counts times prices."""

from hwsim.cost.laws import Estimate, estimate
from hwsim.cost.model import PePrice, average_power_w, price_action, price_counts, price_pe
from hwsim.cost.pe_price import mac_range_pj, price_notes
from hwsim.cost.provenance import ExplainRow, explain
from hwsim.cost.rows import Kind, Operation, PriceRow, Quantity
from hwsim.cost.silicon import PartlyKnown, array_area_um2, leakage_energy_pj, leakage_w, memory_area_um2
from hwsim.cost.tables import PriceTable, find_table, load_table, parse_table, read_table, table_names
from hwsim.cost.usage import Usage

__all__ = [
    "Estimate",
    "ExplainRow",
    "Kind",
    "Operation",
    "PartlyKnown",
    "PePrice",
    "PriceRow",
    "PriceTable",
    "Quantity",
    "Usage",
    "array_area_um2",
    "average_power_w",
    "estimate",
    "explain",
    "find_table",
    "leakage_energy_pj",
    "leakage_w",
    "load_table",
    "mac_range_pj",
    "memory_area_um2",
    "parse_table",
    "price_action",
    "price_counts",
    "price_notes",
    "price_pe",
    "read_table",
    "table_names",
]
