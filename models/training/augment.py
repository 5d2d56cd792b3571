"""Random affine maps, crops and mirrorings of a batch of images (torch)."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING

from models.training.recipe import Augmentation

if TYPE_CHECKING:
    import torch


def augmented(images: torch.Tensor, augmentation: Augmentation, generator: torch.Generator) -> torch.Tensor:
    """Return each image under a random map of its own: affine, then cropped, then mirrored.

    Args:
        images: float32, shape (batch, channels, height, width).
        augmentation: Bounds; all zero returns the images unchanged.
        generator: Source of the random numbers, on the CPU.
    """
    images = random_affine(images, augmentation, generator)
    if not (augmentation.crop_px or augmentation.mirror):
        return images
    return _cropped(images, augmentation, generator)


def _cropped(images: torch.Tensor, augmentation: Augmentation, generator: torch.Generator) -> torch.Tensor:
    import torch

    count, _, height, width = images.shape
    margin, device = augmentation.crop_px, images.device
    corner = torch.randint(0, 2 * margin + 1, (2, count, 1), generator=generator).to(device)
    sizes = zip(corner, (height, width), strict=True)
    rows, columns = (first + torch.arange(size, device=device) for first, size in sizes)
    if augmentation.mirror:
        turned = torch.rand((count, 1), generator=generator).to(device) < 0.5
        columns = torch.where(turned, columns.flip(1), columns)
    padded = torch.nn.functional.pad(images, (margin,) * 4).permute(0, 2, 3, 1)
    image = torch.arange(count, device=device)[:, None, None]
    return padded[image, rows[:, :, None], columns[:, None, :]].permute(0, 3, 1, 2)


def random_affine(images: torch.Tensor, augmentation: Augmentation, generator: torch.Generator) -> torch.Tensor:
    """Return each image under its own random affine map, bilinear, zeros outside.

    Args:
        images: float32, shape (batch, channels, height, width).
        augmentation: Bounds of the map; an identity returns the images unchanged.
        generator: Source of the random numbers, on the CPU.
    """
    from torch.nn import functional

    if augmentation.is_affine_identity:
        return images
    maps = _maps(images.shape[0], images.shape[-2], images.shape[-1], augmentation, generator).to(images.device)
    grid = functional.affine_grid(maps, list(images.shape), align_corners=False)
    return functional.grid_sample(images, grid, mode="bilinear", padding_mode="zeros", align_corners=False)


def _maps(count: int, height: int, width: int, bounds: Augmentation, generator: torch.Generator) -> torch.Tensor:
    """Return (count, 2, 3) maps in the coordinates of affine_grid, where the image spans -1..1 on both axes."""
    import torch

    angle, shear, zoom_x, zoom_y, shift_x, shift_y = torch.rand((6, count), generator=generator) * 2 - 1
    angle = angle * math.radians(bounds.rotation_degrees)
    cosine, sine = torch.cos(angle), torch.sin(angle)
    zoom_x, zoom_y = 1 + zoom_x * bounds.scale, 1 + zoom_y * bounds.scale
    slant = shear * bounds.shear
    row_x = torch.stack((cosine * zoom_x, (cosine * slant - sine) * zoom_y, shift_x * (2 * bounds.shift_px / width)))
    row_y = torch.stack((sine * zoom_x, (sine * slant + cosine) * zoom_y, shift_y * (2 * bounds.shift_px / height)))
    return torch.stack((row_x, row_y)).permute(2, 0, 1).contiguous()
