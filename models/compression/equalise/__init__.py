"""Equalisation: scales moved between layers that a ReLU network's function does not depend on."""

from models.compression.equalise.channels import ChannelGroup, channel_groups
from models.compression.equalise.factors import equalised
from models.compression.equalise.step import Equalise

__all__ = ["ChannelGroup", "Equalise", "channel_groups", "equalised"]
