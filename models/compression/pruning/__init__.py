"""Pruning: which weights stay, how a network is trained to do without the others, and the step ``prune``."""

from models.compression.pruning.budget import Budget, Share, budget_of, kept_counts
from models.compression.pruning.criteria import scores
from models.compression.pruning.hooks import AbsoluteDecayHook, GradualHook, MaskHook
from models.compression.pruning.masks import deviation_masks, magnitude_masks, masked, masks_of
from models.compression.pruning.options import Surgery
from models.compression.pruning.prune import Prune
from models.compression.pruning.schedule import Ramp, cubic_sparsity
from models.compression.pruning.surgery import SurgeryHook, TargetRule, ThresholdRule

__all__ = [
    "AbsoluteDecayHook",
    "Budget",
    "GradualHook",
    "MaskHook",
    "Prune",
    "Ramp",
    "Share",
    "Surgery",
    "SurgeryHook",
    "TargetRule",
    "ThresholdRule",
    "budget_of",
    "cubic_sparsity",
    "deviation_masks",
    "kept_counts",
    "magnitude_masks",
    "masked",
    "masks_of",
    "scores",
]
