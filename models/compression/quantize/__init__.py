"""Scalar quantisation of weights to few values: k-means, Hessian-weighted k-means, uniform cells, iterative ECSQ.

Source: Choi, El-Khamy, Lee, "Towards the limit of network quantization", ICLR 2017, arXiv:1612.01543.
"""

from models.compression.quantize.clusters import Clusters, Iterate, distortion, entropy_bits, weighted_means
from models.compression.quantize.ecsq import ecsq
from models.compression.quantize.hooks import CentresHook
from models.compression.quantize.joint import JointCode, JointHook
from models.compression.quantize.joint_step import EcsqTrain
from models.compression.quantize.kmeans import kmeans
from models.compression.quantize.quantizer import Quantizer
from models.compression.quantize.steps import Ecsq, HessianKMeans, KMeans, Uniform
from models.compression.quantize.target import by_rate, clusters_by_rate
from models.compression.quantize.uniform import uniform

__all__ = [
    "CentresHook",
    "Clusters",
    "Ecsq",
    "EcsqTrain",
    "HessianKMeans",
    "Iterate",
    "JointCode",
    "JointHook",
    "KMeans",
    "Quantizer",
    "Uniform",
    "by_rate",
    "clusters_by_rate",
    "distortion",
    "ecsq",
    "entropy_bits",
    "kmeans",
    "uniform",
    "weighted_means",
]
