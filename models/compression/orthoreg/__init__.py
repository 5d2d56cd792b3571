"""OrthoReg: filters of a layer that point the same way are pushed apart while the network is trained."""

from models.compression.orthoreg.cosine import PairStatistics, pair_statistics, pairwise_cosine
from models.compression.orthoreg.hook import OrthoRegHook
from models.compression.orthoreg.loss import direction, pair_loss
from models.compression.orthoreg.options import Decorrelation, decorrelated_layers
from models.compression.orthoreg.steps import OrthoReg, train_with

__all__ = [
    "Decorrelation",
    "OrthoReg",
    "OrthoRegHook",
    "PairStatistics",
    "decorrelated_layers",
    "direction",
    "pair_loss",
    "pair_statistics",
    "pairwise_cosine",
    "train_with",
]
