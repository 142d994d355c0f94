"""A network of somebody's own is looked at before it is trained: each mistake is one line that names their file."""

import json
import re
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from ruamel.yaml import YAML

import author
import records
from alexvgg.checkpoints.store import Checkpoints
from alexvgg.data import arrays
from alexvgg.data.dataset import Split
from alexvgg.networks import registry
from alexvgg.networks.architecture import Architecture
from alexvgg.rows import answers
from alexvgg.rows.identity import Inputs
from alexvgg.rows.paths import RowFiles
from alexvgg.rows.row import Row
from alexvgg.system import console
from alexvgg.system.errors import NetworkError
from project import Project
from test_crops import description

FLAT = "x = layers.Flatten()(x)\n"
LOGITS = "x = layers.Dense(classes, dtype='float32', name='logits')(x)\n"
MODEL = "return keras.Model(inputs, layers.Activation('softmax', dtype='float32')(x))\n"
LAYER = """
class Mine(layers.Layer):
    def compute_output_shape(self, shape):
        return shape
"""


class Watching:
    """An observer of trainings that has nothing to say."""

    def __getattr__(self, name):
        return lambda *_, **__: None


class Bench:
    """Data of two classes, eight images of 8 pixels each, on which networks are trained."""

    def __init__(self, folder: Path) -> None:
        random = np.random.default_rng(0)
        split = Split(random.integers(0, 256, (16, 8, 8, 3), np.uint8), np.arange(16, dtype=np.int32) % 2)
        paths = {name: folder / f"data/{name}.npy" for name in ("train", "val", "test")}
        digests = {name: arrays.save(path, split) for name, path in paths.items()}
        images = dict.fromkeys(digests, 16)
        self.folder, self.split = folder, split
        self.description = description(8).model_copy(update={"sha256": digests, "images": images})
        arrays.save_description(folder / "data/description.json", self.description)
        self.inputs = Inputs(paths["train"], paths["val"], folder / "data/description.json", folder, folder)
        files = ("m.weights.h5", "summary.json", "history.csv", "evaluation.json", "answers.csv")
        self.row = RowFiles(*(folder / file for file in files))

    def train(self, crop=16, options=None, **recipe) -> None:
        """As the stage `train` does."""
        from alexvgg.training import run

        plain = {"epochs": 1, "batch_size": 8, "label_smoothing": 0.0, "learning_rate": 1e-3}
        identity = records.identity(
            model="mine", architecture="mine", crop=crop, recipe=records.recipe(**plain | recipe), data={},
            options=registry.named("mine").parse(options or {}).model_dump(),
        )  # fmt: skip
        with Checkpoints(self.folder / "checkpoints/mine-0-key") as checkpoints:
            run.train(identity, self.inputs, self.row, checkpoints, Watching())

    def evaluate(self) -> Row:
        """As the stage `evaluate` does."""
        from alexvgg.evaluation import run

        data = run.Data(self.split, self.split, self.description)
        with Checkpoints(self.folder / "checkpoints/mine-0-evaluation") as checkpoints:
            evaluation, given = run.evaluate(self.row, data, 8, checkpoints)
        evaluation.write(self.row.evaluation)
        answers.write(self.row.answers, given)
        return Row.read(self.row)


@pytest.fixture
def bench(tf, tmp_path) -> Bench:
    return Bench(tmp_path)


@pytest.fixture
def add(tmp_path, monkeypatch):
    """Adds a network to the registry as `mine`, from the text of its file."""
    monkeypatch.setattr("sys.argv", ["stages/train.py", "mine", "0"])

    def add(text: str) -> Architecture:
        architecture = author.imported(author.write(tmp_path, text), monkeypatch).ARCHITECTURE
        monkeypatch.setitem(registry.ARCHITECTURES, "mine", architecture)
        return architecture

    return add


MISTAKES = {  # name: what `build` goes on with, and what is said
    "no return": (FLAT + LOGITS, "`build` returns nothing (is a `return` missing?); it has to return a keras.Model"),
    "a tensor": (FLAT + LOGITS + "return x", "`build` returns a KerasTensor; it has to return a keras.Model"),
    "a tuple": (FLAT + LOGITS + "return inputs, x", "`build` returns a tuple; it has to return a keras.Model"),
    "a layer": ("return layers.Dense(classes)", "`build` returns a Dense; it has to return a keras.Model"),
    "no logits": (
        FLAT + "x = layers.Dense(classes)(x)\n" + MODEL,
        "no layer is called `logits`; give that name to the last dense layer",
    ),
    "softmax inside": (
        FLAT + "x = layers.Dense(classes, activation='softmax', name='logits')(x)\nreturn keras.Model(inputs, x)",
        "the layer `logits` has the activation softmax; it has to have none: the softmax is a layer of its own",
    ),
    "relu inside": (
        FLAT + "x = layers.Dense(classes, activation='relu', name='logits')(x)\n" + MODEL,
        "the layer `logits` has the activation relu; it has to have none",
    ),
    "a function of TensorFlow's inside": (
        FLAT + "x = blocks.Dense(classes, activation=tf.nn.softmax, name='logits')(x)\n" + MODEL,
        "the layer `logits` has the activation softmax; ",
    ),
    "a Softmax layer": (
        FLAT + "x = layers.Softmax(name='logits')(layers.Dense(classes)(x))\nreturn keras.Model(inputs, x)",
        "the layer `logits` has the activation softmax; it has to have none",
    ),
    "a ReLU layer": (
        FLAT + "x = layers.ReLU(name='logits')(layers.Dense(classes)(x))\nreturn keras.Model(inputs, x)",
        "the layer `logits` has the activation relu",
    ),
    "an activation layer": (
        FLAT + "x = layers.Activation('softmax', name='logits')(layers.Dense(classes)(x))\nreturn keras.Model(inputs, x)",
        "the layer `logits` has the activation softmax",
    ),
    "softmax before a layer that passes it on": (
        FLAT
        + "x = layers.Dense(classes, activation='softmax')(x)\n"
        + "x = layers.Activation('linear', dtype='float32', name='logits')(x)\nreturn keras.Model(inputs, x)",
        "the layer `logits` has the activation softmax",
    ),
    "softmax as an operation": (
        FLAT
        + "x = keras.ops.softmax(layers.Dense(classes)(x))\n"
        + "return keras.Model(inputs, layers.Reshape((classes,), name='logits')(x))",
        "the layer `logits` has the activation softmax",
    ),
    "ImageNet's classes": (
        FLAT + "x = layers.Dense(1000, name='logits')(x)\n" + MODEL,
        "the layer `logits` puts out 1000; it has to have 2 units, one a class",
    ),
    "a map": (
        "x = layers.Conv2D(classes, 3, name='logits')(x)\n" + MODEL,
        "the layer `logits` puts out 14 × 14 × 2; it has to have 2 units, one a class",
    ),
    "another input": (
        "inputs = keras.Input((32, 32, 3))\nx = layers.Flatten()(inputs)\n" + LOGITS + MODEL,
        "its input is 32 × 32 × 3, float32; it has to be 16 × 16 × 3, float32, as in keras.Input(input_shape)",
    ),
    "a grey input": (
        "inputs = keras.Input((16, 16, 1))\nx = layers.Flatten()(inputs)\n" + LOGITS + MODEL,
        "its input is 16 × 16 × 1, float32; it has to be 16 × 16 × 3",
    ),
    "an input of any size": (
        "inputs = keras.Input((None, None, 3))\nx = layers.GlobalAveragePooling2D()(inputs)\n" + LOGITS + MODEL,
        "its input is None × None × 3, float32; it has to be 16 × 16 × 3",
    ),
    "an input of bytes": (
        "inputs = keras.Input(input_shape, dtype='uint8')\nx = layers.Rescaling(1 / 255)(inputs)\n" + FLAT + LOGITS + MODEL,
        "its input is 16 × 16 × 3, uint8; it has to be 16 × 16 × 3, float32",
    ),
    "an input in batches": (
        "inputs = keras.Input(input_shape, batch_size=8)\nx = layers.Flatten()(inputs)\n" + LOGITS + MODEL,
        "its input is 16 × 16 × 3, float32, in batches of 8; it has to be",
    ),
    "two inputs": (
        "other = keras.Input((4,))\nx = layers.Concatenate()([layers.Flatten()(x), other])\n"
        + LOGITS
        + "return keras.Model([inputs, other], x)",
        "it has 2 inputs; it has to have one, the image",
    ),
    "a Sequential without an input": (
        "return keras.Sequential([layers.Flatten(), layers.Dense(classes, name='logits')])",
        "its model has no input; make it by keras.Model(inputs, outputs), or begin with keras.Input(input_shape)",
    ),
    "a class of its own": (
        """
class Mine(keras.Model):
    def __init__(self):
        super().__init__()
        self.last = layers.Dense(classes, name='logits')

    def call(self, x):
        return self.last(x)

return Mine()
""",
        "its model has no input",
    ),
    "frozen": (
        FLAT + "x = layers.Dense(classes, name='logits', trainable=False)(x)\n" + MODEL,
        "it has no weights to train",
    ),
    "weights after the logits": (
        FLAT + LOGITS + "x = layers.Dense(classes, name='more')(x)\n" + MODEL,
        "`logits` does not depend on more/kernel, which would not be trained",
    ),
    "a second head": (
        FLAT + "y = layers.Dense(5, name='helper')(x)\n" + LOGITS + "return keras.Model(inputs, [x, y])",
        "`logits` does not depend on helper/kernel, which would not be trained",
    ),
    "logits twice": (
        FLAT + "last = layers.Dense(classes, name='logits')\nx = last(last(layers.Dense(classes)(x)))\n" + MODEL,
        "the layer `logits` is used more than once; use it once",
    ),
    "several logits": (
        LAYER.replace("return shape", "return [(None, classes)] * 2")
        + "    def call(self, x):\n        return [x, x]\n\n"
        + FLAT
        + "x, _ = Mine(name='logits')(layers.Dense(classes)(x))\nreturn keras.Model(inputs, x)",
        "the layer `logits` puts out a list; it has to put out one tensor",
    ),
    "a weight that nothing depends on": (
        "class Mine(layers.Layer):\n"
        "    def build(self, shape):\n        self.scale = self.add_weight(shape=(3,), name='scale')\n\n"
        "    def call(self, x):\n        return x * 2\n\n"
        "x = Mine(name='own')(x)\n" + FLAT + LOGITS + MODEL,
        "`logits` does not change with own/scale, which could not be trained",
    ),
    "weights before what has no gradient": (
        "x = layers.Conv2D(4, 3, name='first')(x)\n"
        "x = layers.Lambda(tf.stop_gradient, output_shape=lambda shape: shape)(x)\n" + FLAT + LOGITS + MODEL,
        "`logits` does not change with first/kernel, which could not be trained",
    ),
    "a regularizer": (
        "x = layers.Conv2D(4, 3, kernel_regularizer='l2')(x)\n" + FLAT + LOGITS + MODEL,
        "it adds losses of its own, which training does not minimise",
    ),
    "a loss of its own": (
        LAYER + "    def call(self, x):\n        self.add_loss(tf.reduce_mean(x))\n        return x\n\n"
        "x = Mine()(x)\n" + FLAT + LOGITS + MODEL,
        "it adds losses of its own, which training does not minimise",
    ),
    "a constraint": (
        "x = layers.Conv2D(4, 3, kernel_constraint='max_norm', name='first')(x)\n" + FLAT + LOGITS + MODEL,
        "first/kernel has a constraint, which training does not keep",
    ),
    "a variable that is no weight": (
        LAYER + "    def build(self, shape):\n        self.scale = tf.Variable(1.0)\n\n"
        "    def call(self, x):\n        return x * self.scale\n\n"
        "x = Mine()(x)\n" + FLAT + LOGITS + MODEL,
        "it has state that is no weight of its layers and would not be saved",
    ),
    "random numbers of all of Keras": (
        LAYER + "    def call(self, x):\n        return x + keras.random.normal((3,))\n\n"
        "x = Mine()(x)\n" + FLAT + LOGITS + MODEL,
        "it has state that is no weight of its layers and would not be saved",
    ),
    "random numbers of TensorFlow's": (
        LAYER + "    def call(self, x):\n        return x + tf.random.normal((3,))\n\n"
        "x = Mine()(x)\n" + FLAT + LOGITS + MODEL,
        "it draws random numbers (RandomStandardNormal) that would be others after an interruption",
    ),
}  # fmt: skip


@pytest.mark.parametrize("name", MISTAKES)
def test_a_network_that_cannot_be_trained(add, bench, capsys, name):
    body, says = MISTAKES[name]
    text = author.network(body)
    add(text)
    code, line = author.answer(bench.train, capsys)
    assert line.startswith(f"{author.where(text)}: {says}")
    assert code == NetworkError.exit_code


RAISES = {  # name: what `build` goes on with, and what is said
    "a wrong name": ("x = Flaten()(x)  # here", "NameError: name 'Flaten' is not defined"),
    "a wrong layer": ("x = layers.Flaten()(x)  # here", "AttributeError: module 'keras.layers' has no attribute 'Flaten'"),
    "a wrong option": ("x = layers.Dropout(options.drop)(x)  # here", "AttributeError: 'MineOptions' object has no attribute"),
    "a wrong keyword": ("x = layers.Dense(3, activaton='relu')(x)  # here", "ValueError: Unrecognized keyword arguments passed to Dense: {'activaton': 'relu'}"),
    "shapes that do not fit": (
        "x = layers.Add()([x, layers.Conv2D(3, 3)(x)])  # here",
        "ValueError: Inputs have incompatible shapes. Received shapes (16, 16, 3) and (14, 14, 3)",
    ),
    "a function of TensorFlow's": (
        "x = tf.nn.relu(x)  # here",
        "ValueError: A KerasTensor cannot be used as input to a TensorFlow function.",
    ),
    "blocks called wrongly": ("x = blocks.classifier(x, classes, None)  # here", "AttributeError: 'NoneType' object has no attribute"),
    "two layers of one name": (
        FLAT + LOGITS + LOGITS + "return keras.Model(inputs, x)  # here",
        'ValueError: The name "logits" is used 2 times in the model. All operation names should be unique.',
    ),
    "not connected": (
        FLAT + LOGITS + "return keras.Model(keras.Input(input_shape), x)  # here",
        "ValueError: Output with path `` is not connected to `inputs`",
    ),
    "a module that is not there": ("import torchvision  # here", "there is no module torchvision here; correct the import"),
    "a file that is not there": ("open('kernels.npy')  # here", "FileNotFoundError: [Errno 2] No such file or directory: 'kernels.npy'"),
    "an assertion": ("assert classes == 10  # here", "AssertionError: no message"),
    "a layer that raises when it is called": (
        "class Mine(layers.Layer):\n    def call(self, x):\n        return x * scale  # here\n\nx = Mine()(x)\n",
        "NameError: name 'scale' is not defined",
    ),
    "a layer that raises when it is compiled": (
        LAYER + "    def call(self, x):\n        return x @ tf.zeros((5, 5))  # here\n\nx = Mine()(x)\n" + FLAT + LOGITS + MODEL,
        "ValueError: Dimensions must be equal, but are 3 and 5 with input shapes: [?,16,16,3], [5,5].",
    ),
    "a layer that raises when it is trained": (
        LAYER
        + "    def call(self, x, training=None):\n        if training:\n            raise ValueError('not\\nyet')  # here\n        return x\n\n"
        + "x = Mine()(x)\n" + FLAT + LOGITS + MODEL,
        "ValueError: not yet",
    ),
    "a layer that raises when it answers": (
        LAYER
        + "    def call(self, x, training=None):\n        return x if training else x.undefined  # here\n\n"
        + "x = Mine()(x)\n" + FLAT + LOGITS + MODEL,
        "AttributeError: 'SymbolicTensor' object has no attribute 'undefined'",
    ),
}  # fmt: skip


@pytest.mark.parametrize("name", RAISES)
def test_a_network_whose_code_raises(add, bench, capsys, name):
    body, says = RAISES[name]
    text = author.network(body)
    add(text)
    code, line = author.answer(bench.train, capsys)
    assert code != 0
    assert line.startswith(f"{author.where(text)}: {says}")
    if not says.startswith("there is"):
        assert line.endswith("; the traceback: python stages/train.py mine 0 --debug")
    assert "a fault of" not in line


def test_a_crop_too_small_without_min_crop(add, bench, capsys):
    text = author.network(
        "x = layers.Conv2D(4, 11, strides=4)(x)\nx = layers.Conv2D(4, 5)(x)  # here\n" + FLAT + LOGITS + MODEL
    )
    assert add(text).parse({}).min_crop == 1
    code, line = author.answer(bench.train, capsys)
    assert code == NetworkError.exit_code
    assert line.startswith(
        f"{author.where(text)}: nothing is left here of an image of 16 × 16 pixels; take a larger crop, and give the "
        "smallest in the options' `min_crop` (ValueError: Computed output size would be zero or negative."
    )


def test_logits_in_low_precision(add, bench, capsys):
    import keras

    text = author.network(FLAT + "x = layers.Dense(classes, name='logits')(x)\n" + MODEL)
    add(text)
    bench.train()
    keras.config.set_dtype_policy("mixed_bfloat16")
    try:
        _, line = author.answer(bench.train, capsys)
    finally:
        keras.config.set_dtype_policy("float32")
    assert line == f"{author.where(text)}: the layer `logits` computes in bfloat16; give it dtype='float32'"


def test_a_build_with_other_arguments(add, bench, capsys):
    text = author.network("return None").replace("(input_shape, classes, options)", "(input_shape, classes)")
    add(text)
    _, line = author.answer(bench.train, capsys)
    expected = "`build` has to take input_shape, classes and options (too many positional arguments)"
    assert line == f"{author.where(text)}: {expected}"


OPTIONS = {  # name: options, and what is said after file and line
    "a default of another type": ("width: int = '64'", "the default of `width`: input should be a valid integer"),
    "a default out of range": (
        "from pydantic import Field\n\nwidth: int = Field(default=0, ge=1)",
        "the default of `width`: input should be greater than or equal to 1, found 0",
    ),
    "a kind that no file holds": (
        "sizes: tuple[int, ...] = (3, 5)",
        "the option `sizes` has to be a number, text, true or false, or a list of those, found (3, 5)",
    ),
    "min_crop that raises": (
        "@property\ndef min_crop(self):\n    return int('eight')  # here",
        "`min_crop` raises ValueError: invalid literal for int() with base 10: 'eight'",
    ),
    "min_crop of a wrong name": (
        "@property\ndef min_crop(self):\n    return SMALLEST  # here",
        "NameError: name 'SMALLEST' is not defined; the traceback: ",
    ),
    "min_crop of a wrong attribute": (
        "@property\ndef min_crop(self):\n    return self.smallest  # here",
        "AttributeError: 'MineOptions' object has no attribute 'smallest'; the traceback: ",
    ),
    "min_crop without a return": (
        "@property\ndef min_crop(self):\n    8",
        "`min_crop` is None; it has to be a whole number of pixels",
    ),
    "min_crop without @property": (
        "def min_crop(self):\n    return 8",
        "`min_crop` is a method (`@property` is missing); it has to be a whole number of pixels",
    ),
}


@pytest.mark.parametrize("name", OPTIONS)
def test_options_that_cannot_be_parsed(add, capsys, name):
    options, says = OPTIONS[name]
    text = author.network("return None", options)
    architecture = add(text)
    expected = author.where(text if author.HERE in text else text.replace("class MineOptions", f"{author.HERE} class"))
    code, line = author.answer(lambda: architecture.parse({}), capsys)
    assert code != 0
    assert line.startswith(f"{expected}: {says}")


def test_options_that_somebody_else_wrote_are_not_the_networks_fault(add):
    architecture = add(author.network("return None", "width: int = 64\nsizes: list[int] = [3, 5]"))
    assert architecture.parse({"width": 32, "sizes": [7]}).sizes == [7]
    with pytest.raises(ValueError, match=r"options\.width: input should be a valid integer, found '32'"):
        architecture.parse({"width": "32"})
    with pytest.raises(ValueError, match=r"options\.sizes\.1: input should be a valid integer, found 'x'"):
        architecture.parse({"sizes": [3, "x"]})
    with pytest.raises(ValueError, match=r"unknown Mine option 'widht'; did you mean 'width'"):
        architecture.parse({"widht": 32})


def test_options_that_check_each_other(add):
    check = """
from pydantic import model_validator

first: int = 1
last: int = 2

@model_validator(mode="after")
def ordered(self):
    if self.first > self.last:
        raise ValueError("first is larger than last")
    return self
"""
    architecture = add(author.network("return None", check))
    with pytest.raises(ValueError, match="options: value error, first is larger than last"):
        architecture.parse({"first": 3})


ARGUMENTS = {
    "build, MineOptions": "TypeError: `options` has to be a class derived from Options, found <function build",
    "MineOptions(), build": "TypeError: `options` has to be a class derived from Options, found MineOptions(",
    "MineOptions, build((16, 16, 3), 2, None)": "TypeError: `function` has to be the function that builds the network, found None",
    "Required, build": "TypeError: options need defaults; there is none for width",
}


@pytest.mark.parametrize("arguments", ARGUMENTS)
def test_an_architecture_of_wrong_parts(add, tf, capsys, arguments):
    text = author.network("return None").replace("MineOptions, build,", f"{arguments},  # here\n   ")
    text = text.replace("ARCHITECTURE =", "class Required(Options):\n    width: int\n\n\nARCHITECTURE =")
    _, line = author.answer(lambda: add(text), capsys)
    found = re.sub(r"line \d+", "line N", line)
    assert found.startswith(f"{author.NAME}, line N: {ARGUMENTS[arguments]}")


EARLY = {"epochs": 2, "early_crops": [{"crop": 8, "fraction": 0.5}]}


@pytest.mark.parametrize(
    ("body", "says"),
    [
        (
            "x = layers.MaxPooling2D(2)(layers.MaxPooling2D(2)(layers.MaxPooling2D(2)(x)))\n"
            "x = layers.MaxPooling2D(2)(x)  # here\n" + FLAT + LOGITS + MODEL,
            "nothing is left here of an image of 8 × 8 pixels; take a larger crop, and give the smallest in",
        ),
        (
            "x = layers.Reshape((input_shape[0] * input_shape[1] * 3,))(x)\n" + LOGITS + MODEL,
            "it cannot take early crops of 8 pixels, where its weights have to fit as they are (maps are resampled only "
            "before Flatten): ",
        ),
        (
            "if input_shape[0] < 16:\n    raise RuntimeError('too small')  # here\n" + FLAT + LOGITS + MODEL,
            "RuntimeError: too small; the traceback: python stages/train.py mine 0 --debug",
        ),
    ],
    ids=["pooled away", "not flattened", "it raises"],
)
def test_an_early_crop_that_the_network_cannot_take(add, bench, capsys, body, says):
    text = author.network(body)
    add(text)
    bench.train()
    code, line = author.answer(lambda: bench.train(**EARLY), capsys)
    assert code != 0
    assert line.startswith(f"{author.where(text)}: {says}")


GOOD = {  # name: what `build` goes on with, and whether it can be counted
    "normalisation after a dense layer": (
        FLAT + "x = blocks.BatchNormalization()(blocks.Dense(8, activation='relu')(x))\n" + LOGITS + MODEL, True,
    ),
    "normalisation without scale": ("x = blocks.BatchNormalization(scale=False)(x)\n" + FLAT + LOGITS + MODEL, True),
    "normalisation without centre": ("x = blocks.BatchNormalization(center=False)(x)\n" + FLAT + LOGITS + MODEL, True),
    "normalisation of other kinds": (
        "x = layers.LayerNormalization(axis=(1, 2, 3))(layers.GroupNormalization(3)(x))\nx = layers.PReLU()(x)\n"
        + FLAT + LOGITS + MODEL, True,
    ),
    "a dense layer over a map": ("x = blocks.Dense(4, activation='relu')(x)\n" + FLAT + LOGITS + MODEL, True),
    "residual": (
        """
x = blocks.Conv2D(8, 3, padding="same", use_bias=False)(x)
for _ in range(2):
    y = layers.ReLU()(blocks.BatchNormalization(scale=False)(blocks.Conv2D(8, 3, padding="same", use_bias=False)(x)))
    x = layers.Add()([x, y])
x = layers.GlobalAveragePooling2D()(x)
""" + LOGITS + MODEL, True,
    ),
    "residual with a plus sign": (
        "y = blocks.Conv2D(3, 3, padding='same')(x)\nx = (x + y) / 2\n" + FLAT + LOGITS + MODEL, True,
    ),
    "random layers": ("x = layers.GaussianNoise(0.1)(layers.RandomFlip()(x))\n" + FLAT + LOGITS + MODEL, True),
    "batch renormalisation": ("x = blocks.BatchNormalization(renorm=True)(x)\n" + FLAT + LOGITS + MODEL, True),
    "logits at the end": (FLAT + LOGITS + "return keras.Model(inputs, x)", True),
    "a list of outputs": (FLAT + LOGITS + "return keras.Model(inputs, [x])", True),
    "logits and probabilities": (FLAT + LOGITS + "return keras.Model([inputs], [x, layers.Softmax()(x)])", True),
    "Sequential": (
        "return keras.Sequential([keras.Input(input_shape), layers.Conv2D(4, 3), layers.Flatten(),\n"
        "    layers.Dense(classes, name='logits'), layers.Softmax()])", True,
    ),
    "logits without weights": (
        "x = layers.Conv2D(classes, 3)(x)\nx = layers.GlobalAveragePooling2D(name='logits')(x)\n" + MODEL, True,
    ),
    "logits of a convolution, reshaped": (
        "x = layers.Conv2D(classes, 16)(x)\nx = layers.Reshape((classes,), name='logits')(x)\nreturn keras.Model(inputs, x)",
        True,
    ),
    "a layer used twice": (
        "twice = layers.Conv2D(3, 3, padding='same')\nx = twice(twice(x))\n" + FLAT + LOGITS + MODEL, True,
    ),
    "a layer without get_config": (
        "class Mine(layers.Layer):\n    def __init__(self, factor):\n        super().__init__()\n"
        "        self.factor = factor\n\n    def call(self, x):\n        return x * self.factor\n\n"
        "x = Mine(2.0)(x)\n" + FLAT + LOGITS + MODEL, True,
    ),
    "a layer whose get_config raises": (
        "class Mine(layers.Layer):\n    def call(self, x):\n        return x\n\n"
        "    def get_config(self):\n        return {'size': self.size}\n\nx = Mine()(x)\n" + FLAT + LOGITS + MODEL, True,
    ),
    "an activation of one's own": (
        "def swish(x):\n    return x * keras.ops.sigmoid(x)\n\nx = layers.Conv2D(3, 3, activation=swish)(x)\n"
        + FLAT + LOGITS + MODEL, True,
    ),
    "convolutions of other kinds": (
        """
x = layers.DepthwiseConv2D(3, depth_multiplier=2, activation="relu")(x)
x = layers.SeparableConv2D(8, 3, strides=2)(x)
x = layers.Conv2D(8, 3, groups=4, padding="same")(x)
""" + FLAT + LOGITS + MODEL, True,
    ),
    "frozen layers": ("x = layers.Conv2D(4, 3, trainable=False)(x)\n" + FLAT + LOGITS + MODEL, True),
    "a network inside": (
        "inner = keras.Sequential([keras.Input(input_shape), layers.Conv2D(4, 3), layers.BatchNormalization()])\n"
        "x = inner(x)\n" + FLAT + LOGITS + MODEL, True,
    ),
    "a transposed convolution": ("x = layers.Conv2DTranspose(8, 2, strides=2)(x)\n" + FLAT + LOGITS + MODEL, False),
    "an embedding of places": (
        "class Places(layers.Layer):\n    def build(self, shape):\n"
        "        self.places = self.add_weight(shape=shape[1:], name='places')\n\n"
        "    def call(self, x):\n        return x + self.places\n\nx = Places()(x)\n" + FLAT + LOGITS + MODEL, False,
    ),
    "a product of maps": ("x = keras.ops.matmul(x, keras.ops.swapaxes(x, 2, 3))\n" + FLAT + LOGITS + MODEL, False),
    "attention": (
        "x = layers.Reshape((256, 3))(x)\nx = layers.Attention()([x, x])\n" + FLAT + LOGITS + MODEL, False,
    ),
}  # fmt: skip


@pytest.mark.parametrize("name", GOOD)
def test_a_network_that_can_be_trained(add, bench, name):
    from alexvgg.reporting import drawing

    body, counted = GOOD[name]
    add(author.network(body))
    bench.train()
    row = bench.evaluate()
    evaluation = row.evaluation
    assert all(isinstance(one.flop, int) for one in evaluation.layers) == counted
    assert (evaluation.train_petaflop is not None) == counted
    (flop,) = evaluation.training_flop.values()
    assert flop is None or flop > 0
    assert ("| unknown |" in drawing.markdown(row)) == (not counted)
    assert json.loads(row.evaluation.model_dump_json())["training_flop"] == {"16": flop}


def test_our_own_networks_can_be_trained(tf):
    from alexvgg.networks import checking

    for name, crop in {"alexnet": 67, "alexnet_vgg": 65, "vgg16": 32}.items():
        architecture = registry.named(name)
        model = checking.build(architecture, crop, 100, {})
        assert list(checking.problems(model, crop, 100)) == []
        checking.check_training(model, architecture.where)
        assert re.fullmatch(r"src/alexvgg/networks/\w+\.py, line \d+", architecture.where)


EARLY_GOOD = {  # name: what `build` goes on with, and the operations of a step at 16 and at 8 pixels
    "a layer used twice": (
        "twice = layers.Conv2D(3, 3, padding='same')\nx = twice(twice(x))\n" + FLAT + LOGITS + MODEL,
        {"16": 175_104, "8": 50_688},
    ),
    "without Flatten": (
        "x = layers.GlobalAveragePooling2D()(layers.Conv2D(8, 3)(x))\n" + LOGITS + MODEL,
        {"16": 169_440, "8": 31_200},
    ),
    "a dense layer over a map": (
        "x = blocks.Dense(4)(x)\n" + FLAT + LOGITS + MODEL,
        {"16": 2 * 2 * 256 * 12 + 3 * 2 * 1024 * 2, "8": 2 * 2 * 64 * 12 + 3 * 2 * 1024 * 2},
    ),
    "Sequential": (
        "return keras.Sequential([keras.Input(input_shape), layers.Conv2D(4, 3), layers.Flatten(),\n"
        "    layers.Dense(classes, name='logits'), layers.Softmax()])",
        {"16": 94_080, "8": 24_960},
    ),
    "other layers by size": (
        "if input_shape[0] > 8:\n    x = layers.MaxPooling2D(2)(x)\n" + FLAT + LOGITS + MODEL,
        {"16": 1536, "8": None},
    ),
}
# Operations of two tensors, and a Flatten that no map goes into.
UNUSUAL_AT_EARLY_CROPS = {
    "two tensors": ("y = layers.Conv2D(3, 3, padding='same')(x)\nx = x + y\n" + FLAT + LOGITS + MODEL, None),
    "Flatten of no map": (
        "x = layers.Flatten()(layers.GlobalAveragePooling2D()(layers.Conv2D(8, 3)(x)))\n" + LOGITS + MODEL, None,
    ),
}  # fmt: skip


@pytest.mark.parametrize("name", [*EARLY_GOOD, *UNUSUAL_AT_EARLY_CROPS])
def test_a_network_that_takes_early_crops(add, bench, name):
    body, flop = (EARLY_GOOD | UNUSUAL_AT_EARLY_CROPS)[name]
    add(author.network(body))
    bench.train(**EARLY)
    evaluation = bench.evaluate().evaluation
    assert flop is None or evaluation.training_flop == flop
    if flop:
        known = None not in flop.values()
        assert evaluation.train_petaflop == (pytest.approx(16 * sum(flop.values()) / 1e15) if known else None)


COUNTED = {  # a layer for a map of 16 × 16 × 6, and its operations by hand: two for each place and weight
    "layers.Conv2D(8, 3)": 2 * 14 * 14 * 3 * 3 * 6 * 8,
    "layers.Conv2D(8, 3, strides=2, padding='same')": 2 * 8 * 8 * 3 * 3 * 6 * 8,
    "layers.Conv2D(8, (1, 5), strides=(1, 3))": 2 * 16 * 4 * 5 * 6 * 8,
    "layers.Conv2D(8, 3, dilation_rate=2)": 2 * 12 * 12 * 3 * 3 * 6 * 8,
    "layers.Conv2D(12, 3, groups=3)": 2 * 14 * 14 * 3 * 3 * 2 * 12,
    "layers.Conv2D(12, 3, groups=6, strides=2)": 2 * 7 * 7 * 3 * 3 * 1 * 12,
    "layers.DepthwiseConv2D(3)": 2 * 14 * 14 * 3 * 3 * 6,
    "layers.DepthwiseConv2D(5, strides=2, depth_multiplier=2)": 2 * 6 * 6 * 5 * 5 * 6 * 2,
    "layers.SeparableConv2D(8, 3)": 2 * 14 * 14 * (3 * 3 * 6 + 6 * 8),
    "layers.SeparableConv2D(8, 3, strides=2, depth_multiplier=2, padding='same')": 2 * 8 * 8 * (3 * 3 * 12 + 12 * 8),
    "blocks.Conv2D(8, 3, padding='same', activation='relu')": 2 * 16 * 16 * 3 * 3 * 6 * 8,
    "layers.Dense(10)": 2 * 16 * 16 * 6 * 10,
    "blocks.Dense(10, use_bias=False)": 2 * 16 * 16 * 6 * 10,
    "layers.BatchNormalization()": 0,
    "layers.LayerNormalization()": 0,
    "layers.LayerNormalization(axis=(1, 2, 3))": 0,
    "layers.PReLU()": 0,
    "layers.UpSampling2D()": 0,
    "layers.Conv2DTranspose(8, 3)": None,
    "layers.LocallyMine()": None,
    "layers.Reshape((16, 96))": 0,
    "keras.Sequential([layers.Conv2D(8, 3), layers.DepthwiseConv2D(3)])": 2 * 9 * (14 * 14 * 6 * 8 + 12 * 12 * 8),
}


@pytest.mark.parametrize("code", COUNTED)
def test_operations_are_those_counted_by_hand(tf, code):
    import keras
    from keras import layers

    from alexvgg.networks import blocks, counting

    class LocallyMine(layers.Layer):
        def build(self, shape):
            self.kernel = self.add_weight(shape=shape[1:], name="kernel")

        def call(self, x):
            return x * self.kernel

    names = {"keras": keras, "blocks": blocks, "layers": type("", (), vars(layers) | {"LocallyMine": LocallyMine})}
    inputs = keras.Input((16, 16, 6))
    model = keras.Model(inputs, eval(code, names)(inputs))
    assert counting.forward_flop(model) == COUNTED[code]
    assert counting.layers(model)[0].layer == "InputLayer"


def test_every_use_of_a_layer_or_network_is_counted(tf):
    import keras
    from keras import layers

    from alexvgg.networks import counting

    inputs = keras.Input((16, 16, 6))
    inner = keras.Sequential([keras.Input((16, 16, 6)), layers.Conv2D(6, 3, padding="same")])
    shared = layers.DepthwiseConv2D(3)
    model = keras.Model(inputs, shared(shared(inner(inner(inputs)))))
    keras.Model(model.inputs, shared(model.output))  # another network, which is not this one's matter
    names, flop = zip(*((one.layer, one.flop) for one in counting.layers(model)), strict=True)
    assert names == ("InputLayer", "Conv2D 6, 3 × 3, same", "DepthwiseConv2D 3 × 3")
    assert flop == (0, 2 * 2 * 16 * 16 * 9 * 6 * 6, 2 * 9 * 6 * (14 * 14 + 12 * 12))


def test_what_is_not_known_is_not_zero(tf):
    import keras
    from keras import layers

    from alexvgg.networks import counting

    inputs = keras.Input((16, 16, 3))
    inner = keras.Sequential([keras.Input((None, None, 3)), layers.Conv2D(6, 3), layers.GlobalAveragePooling2D()])
    model = keras.Model(inputs, layers.Dense(2)(inner(inputs)))
    found = counting.layers(model)
    assert [(one.output, one.flop) for one in found[1:]] == [([0, 0, 6], None), ([6], 0), ([2], 24)]
    assert counting.forward_flop(model) is None
    assert counting.training_flop(found, found) is None
    assert counting.training_flop(found[2:], found[2:]) == 48


def test_the_report_says_unknown(tf):
    from alexvgg.networks.catalogue import Counted, table
    from alexvgg.networks.counting import Layer
    from alexvgg.reporting import drawing, effort, talk

    unknown = records.evaluation(
        train_petaflop=None, training_flop={"227": None}, layers=[records.LAYER, Layer("Mine", [55, 55, 96], 9, None)]
    )
    row = replace(records.row("alexnet"), evaluation=unknown)
    found = effort.efforts([row, replace(records.row("alexnet"), summary=records.summary(model="other"))])
    assert [one.petaflop is None for one in found] == [True, False]
    _, cells = effort.cells(found)
    assert cells[0][:2] == ["alexnet", "unknown"]
    assert "unknown" not in cells[1]
    assert "| alexnet | unknown |" in " ".join(effort.markdown(found).split())
    last = [line for line in drawing.markdown(row).splitlines() if line][-2:]
    assert [line.split("|")[-2].strip() for line in last] == ["unknown", "unknown"]
    drawn = {"alexnet": {"input_size": 227, "classes": 100, "parameters": 58_696_548, "forward_flop": None}}
    assert talk.drawn_cells(drawn)[0][-1] == "unknown"
    assert table({"mine": Counted(16, 2, 9, None)}).splitlines()[1].split()[-1] == "unknown"
    assert "train_petaflop" not in unknown.metrics


FALLBACKS = {  # a layer of ours, how it is made, and a shape for which it has to be Keras's own
    "normalisation after a dense layer": ("BatchNormalization", {}, (8, 5)),
    "normalisation of sequences": ("BatchNormalization", {}, (4, 7, 5)),
    "normalisation of another axis": ("BatchNormalization", {"axis": 1}, (4, 3, 3, 5)),
    "normalisation without scale": ("BatchNormalization", {"scale": False}, (4, 3, 3, 5)),
    "normalisation without centre": ("BatchNormalization", {"center": False}, (4, 3, 3, 5)),
    "a dense layer over a map": ("Dense", {"units": 6, "activation": "relu"}, (4, 3, 3, 5)),
    "a dense layer over a sequence": ("Dense", {"units": 6, "use_bias": False}, (4, 7, 5)),
}


@pytest.mark.parametrize("name", FALLBACKS)
@pytest.mark.parametrize("precision", ["float32", "mixed_bfloat16"])
def test_blocks_are_keras_own_where_they_are_not_faster(tf, name, precision):
    import keras

    from alexvgg.networks import blocks

    kind, options, shape = FALLBACKS[name]
    images = np.random.default_rng(0).normal(size=shape).astype(np.float32)
    results = []
    for origin in (keras.layers, blocks):
        keras.utils.set_random_seed(1)
        layer = getattr(origin, kind)(dtype=precision, **options)
        layer.build(shape)
        x = tf.Variable(images)
        with tf.GradientTape() as tape:
            y = layer(x, training=True)
            total = tf.reduce_sum(tf.cast(y, tf.float32) ** 3)
        gradients = tape.gradient(total, [x, *(variable.value for variable in layer.trainable_variables)])
        results.append([y, *gradients, *layer.get_weights()])
    for theirs, ours in zip(*results, strict=True):
        assert np.array_equal(theirs, ours)


@pytest.fixture(scope="module")
def project(tmp_path_factory) -> Project:
    """A copy of the project, whose user added a network to the registry and to params.yaml."""
    made = Project(tmp_path_factory.mktemp("project"))
    made.add_small_network()
    registry = made.folder / "src/alexvgg/networks/registry.py"
    registry.write_text(registry.read_text().replace("small", "mine"))
    made.params = {
        **YAML(typ="safe", pure=True).load(made.folder / "profiles/quickstart.yaml"),
        "models": {"mine": {"architecture": "mine", "crop": 16, "learning_rate": 1e-3}},
    }
    return made


def test_a_file_that_is_not_python(project):
    """The stage `check`, and the command that it names, which shows the traceback."""
    author.write(project.folder, "def build(:\n    pass\n")
    said = project.run("python", "stages/check.py", code=1)
    command = "python stages/check.py --debug"
    assert said == f"error: {author.NAME}, line 1: SyntaxError: invalid syntax; the traceback: {command}\n"
    shown = project.run(*command.split(), code=1)
    assert "Traceback (most recent call last)" in shown and 'mine.py", line 1' in shown


def test_a_file_that_cannot_be_imported(project):
    """`alexvgg check`."""
    author.write(project.folder, "from alexvgg.networks import blcoks\n")
    said = project.alexvgg("check", code=1)
    assert said.startswith(f"error: {author.NAME}, line 1: ImportError: cannot import name 'blcoks' from 'alexvgg.net")
    assert said.endswith("; the traceback: alexvgg --debug check\n")
    assert len(said.splitlines()) == 1


def test_a_line_of_the_registry_that_names_no_network(project):
    """The file lacks `ARCHITECTURE`."""
    author.write(project.folder, "WIDTH = 64\n")
    said = project.run("python", "stages/train.py", "mine", "0", code=1)
    expected = "AttributeError: module 'alexvgg.networks.mine' has no attribute 'ARCHITECTURE'"
    assert said.startswith("error: src/alexvgg/networks/registry.py, line ")
    assert said.endswith(f": {expected}; the traceback: python stages/train.py mine 0 --debug\n")
    assert len(said.splitlines()) == 1


def test_a_file_with_a_wrong_name_at_its_top(tmp_path, monkeypatch, capsys):
    text = "WIDTHS = [WIDTH]  # here\n" + author.network("return None")
    path = author.write(tmp_path, text)
    code, line = author.answer(lambda: author.imported(path, monkeypatch), capsys)
    assert code == 1
    assert line.startswith(f"{author.where(text)}: NameError: name 'WIDTH' is not defined; the traceback: ")


EARLY_IMPORTS = [
    "import keras",
    "from keras import layers",
    "import tensorflow as tf",
    "from alexvgg.networks import blocks",
]


@pytest.mark.parametrize("line", EARLY_IMPORTS)
def test_a_file_that_imports_keras_at_its_top(tf, tmp_path, monkeypatch, capsys, line):
    """It would be found out by every training, after TensorFlow's seconds, as a fault of alexvgg."""
    text = f"import math\n{line}  # here\n" + author.network("return None")
    author.imported(author.write(tmp_path, text), monkeypatch)
    monkeypatch.setenv("TF_ENABLE_ONEDNN_OPTS", "0")  # as if nothing had set it up
    monkeypatch.setattr("sys.argv", ["stages/check.py"])
    with pytest.raises(SystemExit) as ended:
        console.stage(lambda: None, "Check.")
    written = capsys.readouterr().err
    assert ended.value.code == NetworkError.exit_code
    assert written == (
        f"error: {author.where(text)}: move this import into the function that needs it; "
        "TensorFlow is set up before it is imported\n"
    )
    monkeypatch.undo()
    with pytest.raises(SystemExit) as ended, monkeypatch.context() as patch:
        patch.setattr("sys.argv", ["stages/check.py"])
        console.stage(lambda: None, "Check.")
    assert ended.value.code == 0
