"""The networks are the slides', layer by layer."""

import pytest

from alexvgg.networks import registry
from alexvgg.networks.counting import forward_flop

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


def test_every_network_of_the_slides_is_there():
    """And others may be, which somebody added."""
    assert set(EXPECTED) <= set(registry.ARCHITECTURES)


@pytest.mark.parametrize("name", EXPECTED)
def test_parameters_and_arithmetic(tf, name):
    architecture = registry.ARCHITECTURES[name]
    model = registry.named(name).build(architecture.input_size, architecture.classes, {})
    parameters, gflop = EXPECTED[name]
    assert model.count_params() == parameters
    assert forward_flop(model) / 1e9 == pytest.approx(gflop, abs=5e-4)


def test_the_family_is_table_2():
    """Slide Table 2 prints millions, rounded down except where it rounds."""
    printed = {"vgg_a": 133, "vgg_b": 133, "vgg_c": 134, "vgg_d": 138, "vgg_e": 144}
    assert {name: round(EXPECTED[name][0] / 1e6) for name in printed} == printed


@pytest.mark.parametrize("name", ["alexnet", "alexnet_vgg", "vgg_a", "vgg_e"])
def test_smallest_crop_is_the_smallest(tf, name):
    smallest = registry.named(name).parse({}).min_crop
    assert registry.named(name).build(smallest, 10, {}).output_shape == (None, 10)
    with pytest.raises(ValueError):
        registry.named(name).build(smallest - 1, 10, {})


def test_smallest_crop_without_overlap(tf):
    options = {"overlapping_pooling": False}
    smallest = registry.named("alexnet").parse(options).min_crop
    registry.named("alexnet").build(smallest, 10, options)
    with pytest.raises(ValueError):
        registry.named("alexnet").build(smallest - 1, 10, options)


def test_order_of_layers(tf):
    alexnet = kinds(registry.named("alexnet").build(67, 10, {}))
    hybrid = kinds(registry.named("alexnet_vgg").build(65, 10, {}))
    assert alexnet[:4] == ["InputLayer", "Conv2D", "BatchNormalization", "MaxPooling2D"]
    assert hybrid[:4] == ["InputLayer", "Conv2D", "MaxPooling2D", "BatchNormalization"]
    assert "BatchNormalization" not in kinds(registry.named("vgg16").build(32, 10, {}))


def test_options_of_alexnet(tf):
    lrn = registry.named("alexnet").build(67, 10, {"normalization": "lrn", "activation": "tanh", "dropout": 0.25})
    assert kinds(lrn).count("LocalResponseNormalization") == 2
    assert "BatchNormalization" not in kinds(lrn)
    assert {layer.activation.__name__ for layer in lrn.layers if hasattr(layer, "kernel")} == {
        "tanh",
        "linear",
    }
    assert {layer.rate for layer in lrn.layers if hasattr(layer, "rate")} == {0.25}
    plain = kinds(registry.named("alexnet").build(67, 10, {"normalization": "none"}))
    assert len(plain) == len(kinds(registry.named("alexnet").build(67, 10, {}))) - 5


def test_local_response_normalization_is_the_papers(tf):
    import numpy as np

    from alexvgg.networks.blocks import LocalResponseNormalization

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

    from alexvgg.networks.blocks import BatchNormalization

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


def assert_keras_own(tf, kinds, make, shape, rtol, rtol_of_bias=None):
    """Outputs and gradients of two layers, which `make` makes of each of `kinds`, with the same weights and inputs."""
    import numpy as np

    draw = np.random.default_rng(0).normal
    images = draw(size=shape).astype(np.float32)
    results, weights, upstream = [], None, None
    for kind in kinds:
        layer = make(kind)
        layer.build(shape)
        weights = weights or [draw(size=weight.shape) for weight in layer.get_weights()]
        layer.set_weights(weights)
        x = tf.Variable(images)
        with tf.GradientTape() as tape:
            y = layer(x, training=True)
            upstream = draw(size=y.shape).astype(np.float32) if upstream is None else upstream
            total = tf.reduce_sum(tf.cast(y, tf.float32) * upstream)
        gradients = tape.gradient(total, [x, *(v.value for v in layer.trainable_variables)])
        results.append([tf.cast(tensor, tf.float32) for tensor in (y, *gradients)])
    for theirs, ours in zip(*results, strict=True):
        limit = rtol_of_bias if rtol_of_bias and theirs.ndim == 1 else rtol
        assert np.abs(theirs - ours).max() <= limit * np.abs(theirs).max()


# Some roundings of bfloat16, 2⁻⁸ each; which are made, and where, depends on the processor's units.
BFLOAT16 = 6 * 2**-8
PRECISIONS = pytest.mark.parametrize(("precision", "rtol"), [("float32", 1e-5), ("mixed_bfloat16", BFLOAT16)])


@pytest.mark.parametrize("use_bias", [True, False])
@PRECISIONS
def test_dense_is_keras_own(tf, use_bias, precision, rtol):
    import keras

    from alexvgg.networks.blocks import Dense

    def make(kind):
        return kind(20, activation="relu", use_bias=use_bias, dtype=precision)

    assert_keras_own(tf, (keras.layers.Dense, Dense), make, (4, 30), rtol)


@pytest.mark.parametrize("kernel_size", [1, 2, 3, (5, 3), 7])
@pytest.mark.parametrize("sides", [(1, 1), (2, 2), (1, 3), (4, 2), (6, 6), (7, 6)])
@PRECISIONS
def test_convolution_is_keras_own(tf, kernel_size, sides, precision, rtol):
    import keras

    from alexvgg.networks.blocks import Conv2D

    def make(kind):
        return kind(5, kernel_size, padding="same", activation="relu", dtype=precision)

    # Keras adds up its gradient by the bias in bfloat16; the test of that gradient below asks more of ours.
    rtol_of_bias = 0.03 if precision == "mixed_bfloat16" else None
    assert_keras_own(tf, (keras.layers.Conv2D, Conv2D), make, (4, *sides, 3), rtol, rtol_of_bias)


OPTIONS = [
    {"strides": 2}, {"dilation_rate": 2}, {"padding": "valid"}, {"groups": 2}, {"use_bias": False},
    {"data_format": "channels_first"},
]  # fmt: skip


@pytest.mark.parametrize("options", OPTIONS)
def test_convolution_with_options_is_keras_own(tf, options):
    import keras

    from alexvgg.networks.blocks import Conv2D

    def make(kind):
        return kind(4, 3, **{"padding": "same"} | options)

    assert_keras_own(tf, (keras.layers.Conv2D, Conv2D), make, (4, 4, 4, 2), 1e-5)


@pytest.mark.parametrize(("precision", "rtol"), [("float32", 1e-5), ("mixed_bfloat16", 0.01)])
def test_the_gradient_by_a_convolutions_bias_is_the_sum_over_all_pixels(tf, precision, rtol):
    import numpy as np

    from alexvgg.networks.blocks import Conv2D

    upstream = np.random.default_rng(0).integers(0, 3, (8, 20, 20, 5))  # numbers that bfloat16 holds exactly
    layer = Conv2D(5, 3, dtype=precision)
    layer.build((8, 22, 22, 2))
    with tf.GradientTape() as tape:
        outputs = layer(tf.zeros((8, 22, 22, 2)))
    gradient = tape.gradient(outputs, layer.bias.value, output_gradients=tf.cast(upstream, outputs.dtype))
    assert np.allclose(tf.cast(gradient, tf.float64), upstream.sum((0, 1, 2)), rtol=rtol)


@pytest.mark.parametrize(("precision", "rtol"), [("float32", 1e-5), ("mixed_bfloat16", 0.01)])
def test_the_gradient_by_a_dense_layers_bias_is_the_sum_over_all_images(tf, precision, rtol):
    import numpy as np

    from alexvgg.networks.blocks import Dense

    upstream = np.random.default_rng(0).integers(0, 3, (2000, 5))  # numbers that bfloat16 holds exactly
    layer = Dense(5, dtype=precision)
    layer.build((2000, 4))
    with tf.GradientTape() as tape:
        outputs = layer(tf.zeros((2000, 4)))
    gradient = tape.gradient(outputs, layer.bias.value, output_gradients=tf.cast(upstream, outputs.dtype))
    assert np.allclose(tf.cast(gradient, tf.float64), upstream.sum(0), rtol=rtol)


def test_convolution_of_unknown_size_is_keras_own(tf):
    import keras
    import numpy as np

    from alexvgg.networks.blocks import Conv2D

    inputs = keras.Input((None, None, 3))
    layer = Conv2D(4, 3, padding="same")
    model = keras.Model(inputs, layer(inputs))
    images = np.random.default_rng(0).normal(size=(2, 4, 4, 3)).astype(np.float32)
    assert np.allclose(model(images), tf.nn.conv2d(images, layer.kernel.value, 1, "SAME"), atol=1e-5)


def test_weights_are_the_same_bytes_and_come_back(tf, tmp_path):
    import keras
    import numpy as np

    keras.utils.set_random_seed(0)
    model = registry.named("alexnet").build(67, 10, {})
    for name in ("one", "two"):
        model.save_weights(tmp_path / f"{name}.weights.h5")
    assert (tmp_path / "one.weights.h5").read_bytes() == (tmp_path / "two.weights.h5").read_bytes()
    again = registry.named("alexnet").build(67, 10, {})
    images = np.random.default_rng(0).normal(size=(2, 67, 67, 3)).astype(np.float32)
    assert not np.array_equal(model(images), again(images))
    again.load_weights(tmp_path / "one.weights.h5")
    assert np.array_equal(model(images), again(images))


@pytest.mark.parametrize("name", ["alexnet", "alexnet_vgg"])
def test_the_momentum_of_batch_normalisation_is_an_option(tf, name):
    for options, expected in (({}, 0.99), ({"batch_norm_momentum": 0.8}, 0.8)):
        model = registry.named(name).build(67, 10, options)
        assert {layer.momentum for layer in model.layers if "BatchNorm" in type(layer).__name__} == {expected}
