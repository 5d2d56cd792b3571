r"""The two losses on the angles between filters, and the direction that the released code moves weights in (torch).

With unit filters f_i = w_i / (||w_i|| + eps) and cos_ij = f_i . f_j, over ordered pairs i != j of a layer:

* local (OrthoReg): C = sum log(1 + exp(lambda (cos_ij - 1)));
* global: C = 1/2 sum cos_ij^2.

The released Lua code takes the normalisation as constant and moves filter i along

* local: sum_j lambda exp(lambda cos_ij) / (exp(lambda cos_ij) + exp(lambda)) f_j;
* global: sum_j cos_ij f_j,

the gradient, by f_i, of the terms of C that name i first. The gradient of C as a whole is twice that, since each pair
stands in it twice; autograd of the loss also passes through the normalisation, which takes out the part along f_i and
divides by the length of w_i.

Source: Rodriguez et al., arXiv:1611.01967, and its released Lua code. The released PyTorch port leaves the exponential
out of the direction, which makes it another penalty: thousands of times weaker between near filters, and two-sided.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    import torch

EPSILON = 1e-7  #: added to the length of a filter, as in the Lua code


def pair_loss(weight: torch.Tensor, kind: str = "local", sharpness: float = 10.0, groups: int = 1) -> torch.Tensor:
    """Return C over the filters of one layer, a differentiable scalar.

    Filters that are all 0 have no direction and take no part.

    Args:
        weight: shape (filters, ...), filters of a group next to each other.
        kind: "local" or "global".
        sharpness: lambda of the local loss.
        groups: of the convolution: only filters of the same group make pairs.
    """
    import torch

    total = weight.new_zeros(())
    for group in weight.reshape(groups, weight.shape[0] // groups, -1):
        filters = group[group.detach().abs().amax(1) > 0]
        unit = filters / (filters.norm(dim=1, keepdim=True) + EPSILON)
        cosine = unit @ unit.T
        local = torch.nn.functional.softplus(sharpness * (cosine - 1)) if kind == "local" else cosine.square() / 2
        total = total + local.sum() - local.diagonal().sum()
    return total


def direction(weight: torch.Tensor, kind: str = "local", sharpness: float = 10.0, groups: int = 1) -> torch.Tensor:
    """Return the direction that the released code moves the filters against, shaped like ``weight``.

    A filter that is all 0 gets 0.

    Args:
        weight: as in ``pair_loss``.
        kind: "local" or "global".
        sharpness: lambda of the local loss.
        groups: as in ``pair_loss``.
    """
    import torch

    filters = weight.detach().reshape(groups, weight.shape[0] // groups, -1)
    length = filters.norm(dim=2, keepdim=True)
    unit = filters / (length + EPSILON)
    pull = unit @ unit.transpose(1, 2)
    if kind == "local":
        # exp(lc) / (exp(lc) + exp(l)) without its overflow.
        pull = sharpness * torch.sigmoid(sharpness * (pull - 1))
    pull.diagonal(dim1=1, dim2=2).zero_()
    moved: torch.Tensor = (pull @ unit).masked_fill(length == 0, 0.0)
    return moved.reshape(weight.shape)
