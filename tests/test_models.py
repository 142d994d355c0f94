"""The networks are the slides', layer by layer."""

import pytest

from alexvgg import models
from alexvgg.anatomy import forward_flops

# Exact counts of the slides' code; forward GFLOP counted by hand from the layer sizes.
EXPECTED = {
    "alexnet": (58_696_548, 2.263),
    "alexnet_vgg": (45_295_844, 3.816),
    "vgg16": (134_670_244, 30.933),
    "vgg_a": (132_863_336, 15.218),
    "vgg_a_lrn": (132_863_336, 15.218),
    "vgg_b": (133_047_848, 22.617),
    "vgg_c": (133_638_952, 23.542),
    "vgg_d": (138_357_544, 30.941),
    "vgg_e": (143_667_240, 39.264),
}


def kinds(model) -> list[str]:
    return [type(layer).__name__ for layer in model.layers]


def test_every_network_is_expected():
    assert set(EXPECTED) == set(models.ARCHITECTURES)


@pytest.mark.parametrize("name", EXPECTED)
def test_parameters_and_arithmetic(tf, name):
    architecture = models.ARCHITECTURES[name]
    model = models.named(name).build(architecture.input_size, architecture.classes, {})
    parameters, gflop = EXPECTED[name]
    assert model.count_params() == parameters
    assert forward_flops(model) / 1e9 == pytest.approx(gflop, abs=5e-4)


def test_the_family_is_table_2():
    """Slide Table 2 prints millions, rounded down except where it rounds."""
    printed = {"vgg_a": 133, "vgg_b": 133, "vgg_c": 134, "vgg_d": 138, "vgg_e": 144}
    assert {name: round(EXPECTED[name][0] / 1e6) for name in printed} == printed


@pytest.mark.parametrize("name", ["alexnet", "alexnet_vgg", "vgg_a", "vgg_e"])
def test_smallest_crop_is_the_smallest(tf, name):
    smallest = models.named(name).parse({}).min_crop
    assert models.named(name).build(smallest, 10, {}).output_shape == (None, 10)
    with pytest.raises(ValueError):
        models.named(name).build(smallest - 1, 10, {})


def test_smallest_crop_without_overlap(tf):
    options = {"overlapping_pooling": False}
    smallest = models.named("alexnet").parse(options).min_crop
    models.named("alexnet").build(smallest, 10, options)
    with pytest.raises(ValueError):
        models.named("alexnet").build(smallest - 1, 10, options)


def test_order_of_layers(tf):
    alexnet = kinds(models.named("alexnet").build(67, 10, {}))
    hybrid = kinds(models.named("alexnet_vgg").build(65, 10, {}))
    assert alexnet[:4] == ["InputLayer", "Conv2D", "BatchNormalization", "MaxPooling2D"]
    assert hybrid[:4] == ["InputLayer", "Conv2D", "MaxPooling2D", "BatchNormalization"]
    assert "BatchNormalization" not in kinds(models.named("vgg16").build(32, 10, {}))


def test_options_of_alexnet(tf):
    lrn = models.named("alexnet").build(67, 10, {"normalization": "lrn", "activation": "tanh", "dropout": 0.25})
    assert kinds(lrn).count("LocalResponseNormalization") == 2
    assert "BatchNormalization" not in kinds(lrn)
    assert {layer.activation.__name__ for layer in lrn.layers if hasattr(layer, "kernel")} == {
        "tanh",
        "linear",
    }
    assert {layer.rate for layer in lrn.layers if hasattr(layer, "rate")} == {0.25}
    plain = kinds(models.named("alexnet").build(67, 10, {"normalization": "none"}))
    assert len(plain) == len(kinds(models.named("alexnet").build(67, 10, {}))) - 5


def test_local_response_normalization_is_the_papers(tf):
    import numpy as np

    from alexvgg.models.blocks import LocalResponseNormalization

    a = np.random.default_rng(0).normal(size=(1, 1, 1, 8)).astype(np.float32) * 30
    expected = np.empty(8)
    for i in range(8):
        window = a[0, 0, 0, max(0, i - 2) : i + 3]
        expected[i] = a[0, 0, 0, i] / (2 + 1e-4 * (window**2).sum()) ** 0.75
    assert np.allclose(LocalResponseNormalization()(a)[0, 0, 0], expected, rtol=1e-5)


@pytest.mark.parametrize("training", [True, False])
def test_batch_normalization_is_keras_own(tf, training):
    import keras
    import numpy as np

    from alexvgg.models.blocks import BatchNormalization

    draw = np.random.default_rng(0).normal
    images, upstream = (draw(size=(4, 5, 5, 8)).astype(np.float32) * 3 + 1 for _ in range(2))
    weights = [draw(size=8), draw(size=8), draw(size=8), draw(size=8) ** 2]
    results = []
    for kind in (keras.layers.BatchNormalization, BatchNormalization):
        layer = kind()
        layer.build(images.shape)
        layer.set_weights(weights)
        x = tf.Variable(images)
        with tf.GradientTape() as tape:
            y = layer(x, training=training)
            total = tf.reduce_sum(y * upstream)
        gradients = tape.gradient(total, [x, layer.gamma.value, layer.beta.value])
        results.append([y, *gradients, *layer.get_weights()])
    for theirs, ours in zip(*results, strict=True):
        assert np.allclose(theirs, ours, rtol=1e-4, atol=1e-5)


@pytest.mark.parametrize("use_bias", [True, False])
@pytest.mark.parametrize(("precision", "rtol"), [("float32", 1e-5), ("mixed_bfloat16", 0.02)])
def test_dense_is_keras_own(tf, use_bias, precision, rtol):
    import keras
    import numpy as np

    from alexvgg.models.blocks import Dense

    draw = np.random.default_rng(0).normal
    images, upstream = draw(size=(4, 30)).astype(np.float32), draw(size=(4, 20)).astype(np.float32)
    weights = [draw(size=(30, 20)), draw(size=20)][: 1 + use_bias]
    results = []
    for kind in (keras.layers.Dense, Dense):
        layer = kind(20, activation="relu", use_bias=use_bias, dtype=precision)
        layer.build(images.shape)
        layer.set_weights(weights)
        x = tf.Variable(images)
        with tf.GradientTape() as tape:
            y = layer(x, training=True)
            total = tf.reduce_sum(tf.cast(y, tf.float32) * upstream)
        gradients = tape.gradient(total, [x, *(v.value for v in layer.trainable_variables)])
        results.append([tf.cast(tensor, tf.float32) for tensor in (y, *gradients)])
    for theirs, ours in zip(*results, strict=True):
        assert np.allclose(theirs, ours, rtol=rtol, atol=rtol)


def test_weights_are_the_same_bytes_and_come_back(tf, tmp_path):
    import keras
    import numpy as np

    keras.utils.set_random_seed(0)
    model = models.named("alexnet").build(67, 10, {})
    for name in ("one", "two"):
        model.save_weights(tmp_path / f"{name}.weights.h5")
    assert (tmp_path / "one.weights.h5").read_bytes() == (tmp_path / "two.weights.h5").read_bytes()
    again = models.named("alexnet").build(67, 10, {})
    images = np.random.default_rng(0).normal(size=(2, 67, 67, 3)).astype(np.float32)
    assert not np.array_equal(model(images), again(images))
    again.load_weights(tmp_path / "one.weights.h5")
    assert np.array_equal(model(images), again(images))
