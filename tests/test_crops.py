"""Crops by matrix products are those of tf.image."""

import numpy as np
import pytest

from alexvgg.augmentation.geometry import resize_matrix
from alexvgg.data.arrays import Description
from alexvgg.reporting.pictures import crop_image


def description(side: int) -> Description:
    return Description(
        source="test", title="Test", archive_sha256="", classes=["a", "b"], superclasses={}, side=side, mean=[0.0] * 3,
        std=[1.0] * 3, resize=256, crop=227, images={}, sha256={},
    )  # fmt: skip


@pytest.fixture
def images():
    return np.random.default_rng(0).integers(0, 256, (6, 32, 32, 3), dtype=np.uint8)


@pytest.mark.parametrize(("side", "crop"), [(32, 227), (32, 67), (8, 65), (32, 28)])
def test_crops_equal_resize_then_slice_then_flip(tf, side, crop):
    from alexvgg.augmentation.crops import Cropper, crop_batch

    images = np.random.default_rng(0).random((4, side, side, 3), dtype=np.float32)
    resize = Cropper(description(side), crop).resize
    top = np.array([0, 1, resize - crop, 2], np.int32)
    left = np.array([resize - crop, 0, 3, 1], np.int32)
    mirrored = np.array([False, True, False, True])
    ours = crop_batch(tf.constant(images), tf.constant(resize_matrix(side, resize)), top, left, mirrored, crop).numpy()
    resized = tf.image.resize(images, (resize, resize)).numpy()
    for i in range(4):
        window = resized[i, top[i] : top[i] + crop, left[i] : left[i] + crop]
        theirs = window[:, ::-1] if mirrored[i] else window
        assert np.allclose(ours[i], theirs, atol=1e-6)


def test_random_crops_depend_on_seed_and_step_only(tf, images):
    from alexvgg.augmentation.crops import Cropper

    cropper = Cropper(description(32), 67)
    none = np.zeros(6, bool)
    one = cropper.random(images, 0, tf.constant(5), True, none)
    assert np.array_equal(one, cropper.random(images, 0, tf.constant(5), True, none))
    assert not np.array_equal(one, cropper.random(images, 0, tf.constant(6), True, none))
    assert not np.array_equal(one, cropper.random(images, 1, tf.constant(5), True, none))


def test_random_crops_can_be_switched_off_and_are_mirrored_where_asked(tf, images):
    from alexvgg.augmentation.crops import Cropper

    cropper = Cropper(description(32), 67)
    mirrored = np.array([False, True, True, False, True, False])
    plain = cropper.centre(images).numpy()
    crops = cropper.random(images, 0, tf.constant(5), False, mirrored).numpy()
    for i in range(6):
        assert np.allclose(crops[i], plain[i][:, ::-1] if mirrored[i] else plain[i], atol=1e-6)


def test_flips(tf):
    from alexvgg.augmentation import flips

    indices = tf.range(64)

    def drawn(flip, seed=0, step=5, epoch=0):
        return flips.mirrored(flip, seed, tf.constant(step), tf.constant(epoch), indices, 64).numpy()

    assert not drawn("none").any()
    for flip in ("random", "alternating"):
        assert 16 < drawn(flip).sum() < 48
        assert np.array_equal(drawn(flip), drawn(flip))
        assert not np.array_equal(drawn(flip), drawn(flip, seed=1))
    assert not np.array_equal(drawn("random"), drawn("random", step=6))
    assert np.array_equal(drawn("alternating"), drawn("alternating", step=6))
    assert np.array_equal(drawn("alternating"), ~drawn("alternating", epoch=1))
    assert np.array_equal(drawn("alternating"), drawn("alternating", epoch=2))
    some = tf.constant([3, 60, 7])
    assert np.array_equal(flips.mirrored("alternating", 0, 0, 0, some, 64), drawn("alternating")[some])


def test_every_window_is_reached(tf, images):
    from alexvgg.augmentation.crops import Cropper

    cropper = Cropper(description(8), 15)
    assert cropper.resize == 17
    small = np.random.default_rng(1).integers(0, 256, (1, 8, 8, 3), dtype=np.uint8)
    many = cropper.random(np.repeat(small, 400, axis=0), 0, tf.constant(0), True, np.zeros(400, bool)).numpy()
    assert len(np.unique(many.reshape(400, -1), axis=0)) == 9


def test_normalisation(tf, images):
    from alexvgg.augmentation.crops import Cropper

    shifted = description(32).model_copy(update={"mean": [0.5] * 3, "std": [0.25] * 3})
    plain = Cropper(description(32), 67).centre(images).numpy()
    assert np.allclose(Cropper(shifted, 67).centre(images), (plain - 0.5) / 0.25, atol=1e-5)


def test_picture_crop_equals_the_training_crop(tf, images):
    from alexvgg.augmentation.crops import crop_batch

    ours = crop_image(images[0], 76, 67, 2, 5)
    matrix = tf.constant(resize_matrix(32, 76))
    batch = crop_batch(
        tf.constant(images[:1].astype(np.float32)),
        matrix,
        tf.constant([2]),
        tf.constant([5]),
        tf.constant([False]),
        67,
    )
    assert np.abs(batch[0].numpy() - ours).max() <= 0.5 + 1e-3


def test_padded_crops_are_those_of_images_with_a_border_of_the_mean(tf, images):
    from alexvgg.augmentation.crops import Cropper

    about = description(32)
    about = about.model_copy(update={"mean": [0.5, 0.4, 0.3], "std": [0.2, 0.3, 0.25]})
    padded, plain = Cropper(about, 28, padding=4), Cropper(about, 28)
    none = np.zeros(6, bool)
    assert np.array_equal(padded.random(images, 0, tf.constant(0), False, none), plain.centre(images))
    assert np.array_equal(padded.centre(images), plain.centre(images))
    normalized = (images / np.float32(255) - np.float32(about.mean)) / np.float32(about.std)
    resized = tf.image.resize(normalized, (plain.resize, plain.resize)).numpy()
    border = np.pad(resized, ((0, 0), (4, 4), (4, 4), (0, 0)))
    crops = padded.random(images, 0, tf.constant(1), True, none).numpy()
    size = border.shape[1] - 28 + 1
    for image, crop in zip(border, crops, strict=True):
        windows = np.lib.stride_tricks.sliding_window_view(image, (28, 28), axis=(0, 1))
        fits = [
            np.allclose(windows[y, x].transpose(1, 2, 0), crop, atol=1e-5) for y in range(size) for x in range(size)
        ]
        assert any(fits)


def test_padding_reaches_the_whole_border(tf):
    from alexvgg.augmentation.crops import Cropper

    white = np.full((512, 32, 32, 3), 255, np.uint8)
    cropper = Cropper(description(32), 28, padding=4)  # cut from 32 + 2 × 4 pixels
    crops = cropper.random(white, 0, tf.constant(0), True, np.zeros(512, bool)).numpy()
    left = (crops[:, 14, :14, 0] == 0).sum(axis=1)
    right = (crops[:, 14, 14:, 0] == 0).sum(axis=1)
    assert left.max() == 4 and right.max() == 4 and (left == 0).any()
