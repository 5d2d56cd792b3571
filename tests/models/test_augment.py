"""Random affine maps: identity, bounds, direction, and the same numbers from the same seed."""

import numpy as np
import pytest

from models.training.augment import random_affine
from models.training.recipe import Augmentation

torch = pytest.importorskip("torch")


def blob(size: int = 16) -> np.ndarray:
    """A Gaussian spot with its centre of mass at the centre of the image."""
    axis = np.arange(size) - (size - 1) / 2
    return np.exp(-(axis[:, None] ** 2 + axis[None] ** 2) / 4).astype(np.float32)


def moved(augmentation: Augmentation, count: int = 400, seed: int = 1) -> np.ndarray:
    images = torch.tensor(np.broadcast_to(blob(), (count, 1, 16, 16)).copy())
    return random_affine(images, augmentation, torch.Generator().manual_seed(seed)).numpy()[:, 0]


def centres(images: np.ndarray) -> np.ndarray:
    axis = np.arange(images.shape[-1]) - (images.shape[-1] - 1) / 2
    mass = images.sum((1, 2))
    return np.stack([(images.sum(2) * axis).sum(1) / mass, (images.sum(1) * axis).sum(1) / mass])


def test_nothing_to_do_returns_the_images() -> None:
    np.testing.assert_array_equal(moved(Augmentation(), 2)[1], blob())


def test_a_vanishing_map_changes_nothing_visible() -> None:
    np.testing.assert_allclose(moved(Augmentation(1e-6, 1e-6, 1e-6, 1e-6), 2)[1], blob(), atol=1e-4)


def test_shifts_fill_their_bound_in_pixels_and_do_not_pass_it() -> None:
    centre = centres(moved(Augmentation(shift_px=2)))
    assert np.abs(centre).max() <= 2.02
    assert centre.min(axis=1).max() < -1.9 and centre.max(axis=1).min() > 1.9
    assert np.abs(centre.mean(axis=1)).max() < 0.2


@pytest.mark.parametrize(
    "augmentation", [Augmentation(rotation_degrees=20), Augmentation(scale=0.2), Augmentation(shear=0.3)]
)
def test_other_maps_keep_the_centre(augmentation: Augmentation) -> None:
    images = moved(augmentation)
    assert np.abs(centres(images)).max() < 0.02


def test_rotation_keeps_a_round_spot_and_turns_a_bar() -> None:
    np.testing.assert_allclose(
        moved(Augmentation(rotation_degrees=30)).mean(0), blob(), atol=0.05
    )  # bilinear sampling lowers the peak
    bar = np.zeros((16, 16), np.float32)
    bar[7:9, 2:14] = 1
    images = torch.tensor(np.broadcast_to(bar, (200, 1, 16, 16)).copy())
    turned = random_affine(images, Augmentation(rotation_degrees=30), torch.Generator().manual_seed(2)).numpy()[:, 0]
    axis = np.arange(16) - 7.5
    mixed = (turned * axis[:, None] * axis[None]).sum((1, 2))
    straight = (turned * axis[None] ** 2).sum((1, 2)) - (turned * axis[:, None] ** 2).sum((1, 2))
    degrees = np.degrees(0.5 * np.arctan2(2 * mixed, straight))
    assert np.abs(degrees).max() < 31 and degrees.max() > 27 and degrees.min() < -27


def test_scale_changes_the_mass_both_ways() -> None:
    mass = moved(Augmentation(scale=0.2)).sum((1, 2)) / blob().sum()
    assert mass.min() < 0.8 and mass.max() > 1.25
    assert mass.min() > 0.68 and mass.max() < 1.57


def test_seed_decides() -> None:
    everything = Augmentation(10, 0.1, 2, 0.1)
    np.testing.assert_array_equal(moved(everything, 5, seed=3), moved(everything, 5, seed=3))
    assert (moved(everything, 5, seed=3) != moved(everything, 5, seed=4)).any()
    five = moved(everything, 5)
    assert all((five[0] != other).any() for other in five[1:])
