"""How the loss curves along each weight: diagonals of the Hessian, whole Hessians, and what quantisers make of them."""

from models.compression.hessian.diagonal import diagonal, diagonal_of
from models.compression.hessian.importance import importance
from models.compression.hessian.options import METHODS, Diagonal

__all__ = ["METHODS", "Diagonal", "diagonal", "diagonal_of", "importance"]
