"""The fast twins of hwsim.arith.reference, under the same names."""

from hwsim.arith.dot import DotProduct, dot_products
from hwsim.arith.quantize import quantize

__all__ = ["DotProduct", "dot_products", "quantize"]
