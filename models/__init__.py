"""The networks that people run: trained weights, the data they were trained on, and how.

>>> network = load_network("digits-cnn")
>>> load_data(data_for(network), "test").images.shape
(899, 1, 8, 8)
"""

from models.data import DATASETS, Dataset, fetch_data, load_data
from models.registry import NETWORKS, NetworkEntry, data_for, load_network, load_shape_network
from models.shapes import SHAPES

__all__ = [
    "DATASETS",
    "NETWORKS",
    "SHAPES",
    "Dataset",
    "NetworkEntry",
    "data_for",
    "fetch_data",
    "load_data",
    "load_network",
    "load_shape_network",
]
