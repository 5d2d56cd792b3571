"""What an action costs: tables of prices with their sources, and counts times prices."""

from hwsim.cost.finding import find_table
from hwsim.cost.laws import Estimate, estimate
from hwsim.cost.memories import SramPrice, dram_prices, memory_notes, sram_price
from hwsim.cost.model import (
    PePrice,
    average_power_w,
    price_action,
    price_counts,
    price_memories,
    price_pe,
    price_split,
)
from hwsim.cost.pe_price import clock_notes, mac_range_pj, price_notes
from hwsim.cost.provenance import ExplainRow, explain
from hwsim.cost.rows import Kind, Operation, PriceRow, Quantity
from hwsim.cost.scaling import scale_table
from hwsim.cost.silicon import PartlyKnown, array_area_um2, leakage_energy_pj, leakage_w, memory_area_um2
from hwsim.cost.tables import PriceTable, load_table, parse_table, read_table, table_names
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
    "SramPrice",
    "Usage",
    "array_area_um2",
    "average_power_w",
    "clock_notes",
    "dram_prices",
    "estimate",
    "explain",
    "find_table",
    "leakage_energy_pj",
    "leakage_w",
    "load_table",
    "mac_range_pj",
    "memory_area_um2",
    "memory_notes",
    "parse_table",
    "price_action",
    "price_counts",
    "price_memories",
    "price_notes",
    "price_pe",
    "price_split",
    "read_table",
    "scale_table",
    "sram_price",
    "table_names",
]
