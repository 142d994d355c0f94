"""CutMix and random erasing: what they make of images and labels."""

import numpy as np
import pytest

from alexvgg.params import file
from alexvgg.system.errors import ParamsError


@pytest.fixture
def batch():
    """Images that are all of one value, the image's number; labels of as many classes."""
    images = np.arange(1, 65, dtype=np.uint8)[:, None, None, None] * np.ones((1, 32, 32, 3), np.uint8)
    return images, np.eye(64, dtype=np.float32)


def test_labels_are_mixed_as_the_images_are(tf, batch):
    from alexvgg.augmentation import mixing

    images, labels = batch
    mixed_images, mixed_labels = (each.numpy() for each in mixing.cutmix(images, labels, 40, 3, tf.constant(7)))
    assert mixed_images.dtype == np.uint8
    assert np.array_equal(mixed_images[40:], images[40:]) and np.array_equal(mixed_labels[40:], labels[40:])
    for i in range(40):
        other = (mixed_images[i] == i + 2).mean()
        assert np.isclose((mixed_images[i] == i + 1).mean(), 1 - other)  # nothing else is in it
        assert np.isclose(mixed_labels[i, i], 1 - other) and np.isclose(mixed_labels[i, i + 1], other)


def test_boxes_have_the_papers_sizes_and_are_square_until_they_meet_an_edge(tf, batch):
    from alexvgg.augmentation import mixing

    images, labels = batch
    shares, shapes = [], []
    for step in range(50):
        mixed = mixing.cutmix(images, labels, 63, 0, tf.constant(step))[0].numpy()
        box = mixed[:63, :, :, 0] != images[:63, :, :, 0]
        shares += list(box.mean(axis=(1, 2)))
        inside = [one for one in box if not (one[0].any() or one[-1].any() or one[:, 0].any() or one[:, -1].any())]
        shapes += [one.any(axis=1).sum() - one.any(axis=0).sum() for one in inside]
    # A uniform share, of which a part is cut off at the edges: 0.5 times what the paper's code has of a box on average.
    rng = np.random.default_rng(0)
    half = np.sqrt(rng.random(200_000)) / 2
    sides = [np.minimum(c + half, 1) - np.maximum(c - half, 0) for c in (rng.random(200_000), rng.random(200_000))]
    assert np.isclose(np.mean(shares), np.mean(sides[0] * sides[1]), atol=0.01)
    assert np.max(np.abs(shapes)) <= 1  # a pixel, where an edge falls into one


def test_boxes_depend_on_seed_and_step_only(tf, batch):
    from alexvgg.augmentation import mixing

    def mixed(seed, step):
        return mixing.cutmix(*batch, 64, seed, tf.constant(step))[0].numpy()

    assert np.array_equal(mixed(1, 5), mixed(1, 5))
    assert not np.array_equal(mixed(1, 5), mixed(1, 6)) and not np.array_equal(mixed(1, 5), mixed(2, 5))


def test_a_rectangle_of_the_papers_sizes_gets_the_colour(tf):
    from alexvgg.augmentation import mixing

    images = np.full((500, 32, 32, 3), 7, np.uint8)
    colour = np.array([1, 2, 3], np.uint8)
    erased = mixing.erase(images, 500, colour, 0, tf.constant(3)).numpy()
    hidden = (erased == colour).all(axis=-1)
    assert np.array_equal(erased[~hidden], images[~hidden]) and erased.dtype == np.uint8
    heights, widths = hidden.any(axis=2).sum(axis=1), hidden.any(axis=1).sum(axis=1)
    areas = hidden.mean(axis=(1, 2))
    assert np.array_equal(areas, heights * widths / 32**2)  # one rectangle, and within the image
    assert 0.01 < areas.min() < 0.04 and 0.35 < areas.max() < 0.45 and np.isclose(areas.mean(), 0.21, atol=0.02)
    ratios = np.log(heights / widths)
    assert abs(ratios.mean()) < 0.08 and 1.0 < ratios.max() < np.log(1 / 0.3) + 0.3
    assert hidden[:, 0, 0].any() and hidden[:, -1, -1].any()  # it can be anywhere
    assert np.array_equal(erased, mixing.erase(images, 500, colour, 0, tf.constant(3)).numpy())
    assert not np.array_equal(erased, mixing.erase(images, 500, colour, 0, tf.constant(4)).numpy())


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"cutmix": 0.01}, "cutmix 0.01 of a batch of 32 is no image; raise it, or set it to 0"),
        ({"erasing": 0.01}, "erasing 0.01 of a batch of 32 is no image; raise it, or set it to 0"),
        ({"cutmix": 0.99}, "cutmix 0.99 and erasing 0.0 leave no image of 32 as it is"),
        ({"cutmix": 0.5, "erasing": 0.5}, "cutmix 0.5 and erasing 0.5 leave no image of 32 as it is"),
        ({"padding": 2, "random_crop": False}, "padding 2 is for random crops; set random_crop: true, or padding: 0"),
    ],
)
def test_what_cannot_be_done_is_refused(quickstart, write_params, changes, message):
    quickstart["training"] |= changes
    quickstart["models"] = {"alexnet": quickstart["models"]["alexnet"]}
    with pytest.raises(ParamsError, match=message):
        file.load(write_params(quickstart))
