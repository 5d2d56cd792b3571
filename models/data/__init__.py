"""The data sets that the networks are trained and measured on."""

from models.data.catalog import DATASETS, DatasetEntry, fetch_data, load_data
from models.data.dataset import SPLITS, Dataset, hold_out

__all__ = ["DATASETS", "SPLITS", "Dataset", "DatasetEntry", "fetch_data", "hold_out", "load_data"]
