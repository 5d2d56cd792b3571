"""Adam's second moment, which Choi et al. put in the place of the Hessian (torch).

Kingma & Ba, "Adam: a method for stochastic optimization", 2015: v <- β₂ v + (1 - β₂) g², corrected for its start at 0
by v / (1 - β₂ᵗ). Choi, El-Khamy & Lee, "Towards the limit of network quantization", 2017, section 3.5: h := √v.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from hwsim.network import Network
from models.compression.hessian.options import Diagonal
from models.compression.hessian.unfused import leaves, need_torch, record, unfused
from models.data.dataset import Dataset

BETAS = (0.9, 0.999)


def adam_moment(network: Network, data: Dataset, options: Diagonal) -> dict[str, NDArray[np.float64]]:
    """Return Adam's second moment, corrected for its start and raised to ``options.power``, by tensor name.

    Gradients are those of the mean cross-entropy of batches in a random order; the last batch of a pass may be smaller.
    With a learning rate of 0 the weights stay where they are; with another one Adam trains them, and the moment is read
    at the end.

    Raises:
        CompressionError: for a network with batch-norms.
        MissingExtraError: when torch is not installed.
    """
    need_torch()
    import torch

    linear = unfused(network)
    tensors = leaves(linear)
    optimizer = torch.optim.Adam(tensors.values(), lr=options.rate, betas=BETAS)
    random = np.random.default_rng(options.seed)
    steps = 0
    for _ in range(options.passes):
        order = random.permutation(len(data))
        for start in range(0, len(data), options.batch):
            chosen = order[start : start + options.batch]
            images = torch.tensor(data.images[chosen], dtype=torch.float64)
            logits = record(linear, tensors, images)[0]
            optimizer.zero_grad()
            torch.autograd.backward(torch.nn.functional.cross_entropy(logits, torch.tensor(data.labels[chosen])))
            optimizer.step()
            steps += 1
    correction = 1.0 - BETAS[1] ** steps
    moments = {name: optimizer.state[tensor]["exp_avg_sq"] / correction for name, tensor in tensors.items()}
    return {name: (moment**options.power).numpy() for name, moment in moments.items()}
