"""Weights that are powers of two: incremental network quantization (INQ), and conversions beside it."""

from models.compression.inq.activations import ActivationHook, activation_formats
from models.compression.inq.assignment import assignment_formats
from models.compression.inq.codebook import Codebook
from models.compression.inq.convert import Apot, Convert, Pow2, ShiftCnn
from models.compression.inq.freeze import InqHook
from models.compression.inq.incremental import Inq
from models.compression.inq.partition import PORTIONS
from models.compression.inq.straight import StraightThroughHook

__all__ = [
    "PORTIONS",
    "ActivationHook",
    "Apot",
    "Codebook",
    "Convert",
    "Inq",
    "InqHook",
    "Pow2",
    "ShiftCnn",
    "StraightThroughHook",
    "activation_formats",
    "assignment_formats",
]
