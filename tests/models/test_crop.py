"""Random crops and mirrorings against a slow twin: each output is a possible one, all are drawn, and about evenly."""

import itertools

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from hwsim.errors import DataError
from models.training.augment import augmented, random_affine
from models.training.recipe import Augmentation, Recipe

torch = pytest.importorskip("torch")


def possible(image: np.ndarray, margin: int, mirror: bool) -> dict[tuple[int, int, bool], np.ndarray]:
    """Every crop of one image, pixel by pixel: pixel (r, c) is (r + top - margin, c + left - margin), or 0 outside."""
    channels, height, width = image.shape
    crops = {}
    for top, left, turned in itertools.product(*[range(2 * margin + 1)] * 2, (False, True) if mirror else (False,)):
        crop = np.zeros_like(image)
        for channel, row, column in np.ndindex(channels, height, width):
            r, c = row + top - margin, (width - 1 - column if turned else column) + left - margin
            if 0 <= r < height and 0 <= c < width:
                crop[channel, row, column] = image[channel, r, c]
        crops[top, left, turned] = crop
    return crops


def run(images: np.ndarray, augmentation: Augmentation, seed: int = 1) -> np.ndarray:
    return augmented(torch.tensor(images), augmentation, torch.Generator().manual_seed(seed)).numpy()


def drawn(images: np.ndarray, augmentation: Augmentation, seed: int = 1) -> list[tuple[int, int, bool]]:
    """Which crop each output is."""
    found = []
    for image, out in zip(images, run(images, augmentation, seed), strict=True):
        crops = possible(image, augmentation.crop_px, augmentation.mirror)
        found.append([which for which, crop in crops.items() if np.array_equal(crop, out)])
    assert all(len(which) == 1 for which in found), "an output that is no crop of its image"
    return [which[0] for which in found]


def images(count: int, *shape: int) -> np.ndarray:
    return np.random.default_rng(3).uniform(0.1, 1, (count, *shape)).astype(np.float32)


@settings(max_examples=25, deadline=None)
@given(st.integers(1, 3), st.integers(3, 6), st.integers(3, 6), st.integers(0, 2), st.booleans(), st.integers(0, 99))
def test_each_output_is_one_of_the_possible_crops_of_its_own_image(
    channels: int, height: int, width: int, margin: int, mirror: bool, seed: int
) -> None:
    drawn(images(6, channels, height, width), Augmentation(crop_px=margin, mirror=mirror), seed)


def test_no_margin_and_no_mirror_is_the_identity() -> None:
    batch = images(5, 2, 4, 4)
    np.testing.assert_array_equal(run(batch, Augmentation()), batch)
    np.testing.assert_array_equal(run(batch, Augmentation(crop_px=0)), batch)


def test_mirroring_alone_turns_about_half() -> None:
    turned = [which[2] for which in drawn(images(1000, 1, 2, 3), Augmentation(mirror=True))]
    assert 430 < sum(turned) < 570  # 500 +- 4.4 standard deviations of 15.8


def test_every_corner_is_drawn_about_evenly_and_rows_apart_from_columns() -> None:
    found = drawn(images(1800, 1, 3, 3), Augmentation(crop_px=1, mirror=True))
    counts = [found.count(which) for which in itertools.product(range(3), range(3), (False, True))]
    assert sum(counts) == 1800 and min(counts) > 60 and max(counts) < 145  # 100 +- 4 standard deviations of 9.7


def test_seed_decides() -> None:
    batch, everything = images(8, 3, 6, 6), Augmentation(crop_px=2, mirror=True)
    np.testing.assert_array_equal(run(batch, everything, 3), run(batch, everything, 3))
    assert (run(batch, everything, 3) != run(batch, everything, 4)).any()


def test_affine_maps_come_first_and_draw_what_they_draw_alone() -> None:
    batch, seed = images(6, 1, 5, 5), 7
    affine = Augmentation(rotation_degrees=20, shift_px=1)
    moved = random_affine(torch.tensor(batch), affine, torch.Generator().manual_seed(seed)).numpy()
    both = run(batch, Augmentation(rotation_degrees=20, shift_px=1, crop_px=1, mirror=True), seed)
    for image, out in zip(moved, both, strict=True):
        assert any(np.array_equal(crop, out) for crop in possible(image, 1, True).values())


def test_channels_last_images_give_the_same() -> None:
    batch, everything = images(6, 3, 6, 5), Augmentation(crop_px=2, mirror=True)
    last = torch.tensor(batch).contiguous(memory_format=torch.channels_last)
    out = augmented(last, everything, torch.Generator().manual_seed(1)).numpy()
    np.testing.assert_array_equal(out, run(batch, everything))


def test_a_negative_margin_is_refused() -> None:
    with pytest.raises(DataError, match="no bound below 0"):
        Recipe(epochs=1, batch=1, learning_rate=0.1, augmentation=Augmentation(crop_px=-1))
