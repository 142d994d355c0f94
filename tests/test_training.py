"""Training learns, repeats itself to the bit, and says where it broke."""

import hashlib
import math
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest

import records
from alexvgg.data.arrays import TrainingData
from alexvgg.data.dataset import Split
from alexvgg.evaluation import metrics
from alexvgg.networks import registry
from alexvgg.params.recipe import Recipe
from alexvgg.rows.identity import Identity
from alexvgg.system.errors import ParamsError, TrainingError
from alexvgg.training.schedule import crops, learning_rate
from conftest import quiet
from test_crops import description


def recipe(**changes) -> Recipe:
    return records.recipe(**{"epochs": 1, "batch_size": 16, "schedule": "constant", "label_smoothing": 0.0} | changes)


def identity(seed=0, crop=16, **changes) -> Identity:
    """Of a training of `tiny_network`; the changes are of its recipe."""
    return records.identity(
        model="tiny", seed=seed, architecture="tiny", options={}, crop=crop, recipe=recipe(**changes), data={}
    )  # fmt: skip


def both(split: Split) -> TrainingData:
    """The same images to train with and to validate with."""
    return TrainingData(split, split, description(8))


@pytest.fixture(scope="module")
def data():
    random = np.random.default_rng(0)
    images = random.integers(0, 256, (32, 8, 8, 3), dtype=np.uint8)
    return both(Split(images, random.integers(0, 2, 32).astype(np.int32)))


def tiny_network():
    import keras
    from keras import layers

    from alexvgg.networks.blocks import BatchNormalization

    keras.utils.set_random_seed(7)
    inputs = keras.Input((16, 16, 3))
    x = layers.Conv2D(8, 3, activation="relu")(inputs)
    x = BatchNormalization()(x)
    x = layers.Dropout(0.2)(layers.Flatten()(x))
    x = layers.Dense(2, name="logits")(x)
    return keras.Model(inputs, layers.Activation("softmax")(x))


def run(data, seed=0, **changes):
    from alexvgg.training.trainer import Trainer

    model = tiny_network()
    trainer = Trainer(model, data, identity(seed, **changes))
    return model, list(trainer.epochs(quiet, quiet))


@pytest.mark.skipif(not Path("/proc/self/status").exists(), reason="this system does not tell")
def test_many_images_are_in_memory_once():
    """300 MB of images more, 300 MB of memory more, at the peak."""
    program = """
from pathlib import Path
import numpy as np
import tensorflow as tf
from alexvgg.data import aligned
from alexvgg.training.trainer import resident
def peak():  # KiB; unlike `ru_maxrss` it knows nothing of the process that started this one
    return int(Path("/proc/self/status").read_text().split("VmHWM:")[1].split()[0])
tf.constant(0)
before = peak()
images = aligned.empty((100_000, 32, 32, 3), np.uint8)
images[...] = 7
tensor = resident(images)
assert int(tf.reduce_sum(tf.cast(tensor[::50_000], tf.int32))) == 7 * 2 * 3072
print(peak() - before)
"""
    done = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, check=True)
    assert 300_000 < int(done.stdout) < 1.2 * 300_000  # KiB


def test_overfits_a_batch(tf, data):
    _, rows = run(data, epochs=60, random_crop=False)
    assert rows[-1].acc > 0.95
    assert rows[-1].loss < 0.3 < rows[0].loss


def test_alexnet_overfits_a_batch(tf, data):
    from alexvgg.training.trainer import Trainer

    few = both(data.train.take(np.arange(8)))
    model = registry.named("alexnet").build(67, 2, {"dropout": 0.0})
    settings = identity(crop=67, epochs=12, batch_size=8, learning_rate=1e-4, random_crop=False)
    rows = list(Trainer(model, few, settings).epochs(quiet, quiet))
    assert rows[-1].acc == 1.0


@pytest.fixture
def bfloat16(tf):
    import keras

    keras.config.set_dtype_policy("mixed_bfloat16")
    yield
    keras.config.set_dtype_policy("float32")


def test_same_seed_same_weights(tf, data):
    first = same_weights_again(data)
    other, _ = run(data, seed=1, epochs=2)
    assert not np.array_equal(first.get_weights()[0], other.get_weights()[0])


def test_same_seed_same_weights_in_mixed_precision(bfloat16, data):
    same_weights_again(data)


def same_weights_again(data):
    first, rows = run(data, epochs=2)
    second, again = run(data, epochs=2)
    assert rows == again
    for a, b in zip(first.get_weights(), second.get_weights(), strict=True):
        assert np.array_equal(a, b)
    return first


def test_mixed_precision_keeps_its_weights_in_single(bfloat16, data):
    model, rows = run(data, epochs=60, random_crop=False)
    assert model.layers[1].compute_dtype == "bfloat16"
    assert {str(weight.dtype) for weight in model.weights if "seed" not in weight.path} == {"float32"}
    assert rows[-1].acc > 0.95


@pytest.mark.parametrize(
    ("architecture", "crop", "small"), [("alexnet", 99, 67), ("alexnet_vgg", 129, 65), ("vgg16", 64, 32)]
)
def test_a_network_at_a_smaller_crop_is_the_same_network(tf, architecture, crop, small):
    """Weight for weight; its last feature map is resampled to the size that the dense layers expect."""
    from alexvgg.evaluation.prediction import logits_network
    from alexvgg.training.early_crops import at_crop

    network = logits_network(registry.named(architecture).build(crop, 3, {"dropout": 0.0}))
    smaller = at_crop(network, small)
    assert smaller.count_params() == network.count_params()
    assert {id(v) for v in smaller.variables} == {id(v) for v in network.variables}
    images = np.random.default_rng(0).normal(size=(2, small, small, 3)).astype(np.float32)
    flatten = next(layer for layer in network.layers if type(layer).__name__ == "Flatten")
    _, height, width, _ = flatten.input.shape
    x = images
    for layer in network.layers[1:]:
        x = layer(tf.image.resize(x, (height, width)) if layer is flatten else x)
    assert np.allclose(smaller(images), x, atol=1e-5)


def test_early_crops_train_the_same_weights(tf, data):
    _, plain = run(data, epochs=3)
    model, rows = run(data, epochs=3, early_crops=[{"crop": 10, "fraction": 0.3}, {"crop": 12, "fraction": 0.3}])
    assert [(row.epoch, row.crop) for row in rows] == [(1, 10), (2, 12), (3, 16)]
    assert [row.crop for row in plain] == [16, 16, 16]
    assert [row.loss for row in rows] != [row.loss for row in plain]
    assert model.input_shape == (None, 16, 16, 3)


def test_an_epoch_is_validated_at_its_own_crop(tf, data, monkeypatch):
    from alexvgg.training.trainer import Trainer

    crops, plain = [], Trainer._predictor
    monkeypatch.setattr(Trainer, "_predictor", lambda self, crop: (crops.append(crop), plain(self, crop))[1])
    early = [{"crop": 10, "fraction": 0.3}, {"crop": 12, "fraction": 0.3}]
    _, rows = run(data, epochs=3, early_crops=early)
    assert crops == [row.crop for row in rows] == [10, 12, 16]


def test_early_crops_learn(tf, data):
    _, rows = run(data, epochs=60, random_crop=False, early_crops=[{"crop": 12, "fraction": 0.5}])
    assert rows[29].acc > 0.8
    assert rows[-1].acc > 0.95


def test_compiled_by_xla_it_learns_too(tf, data):
    """Its dropout draws other numbers, so the two cannot be compared."""
    _, rows = run(data, epochs=60, random_crop=False, jit_compile=True)
    assert rows[-1].acc > 0.95


def test_stopped_it_is_the_beginning_of_the_whole_training(tf, data):
    """Two steps an epoch: of six, three are made, on the whole training's schedule."""
    from alexvgg.training.trainer import Trainer

    seen = {}

    def train(name, **changes):
        seen[name] = []
        trainer = Trainer(tiny_network(), data, identity(epochs=3, schedule="cosine", **changes))
        return list(trainer.epochs(lambda **numbers: seen[name].append(numbers), quiet))

    whole, stopped = train("whole"), train("stopped", stop_after=3)
    assert seen["stopped"] == seen["whole"][:3]
    assert stopped[0] == whole[0]
    assert [row.epoch for row in stopped] == [1, 2]
    assert (stopped[1].loss, stopped[1].acc) == (seen["whole"][2]["loss"], seen["whole"][2]["acc"])
    assert train("longer than it is", stop_after=99) == whole


def test_stopped_before_full_size_it_does_not_begin(tf, data):
    """Two steps an epoch, of four epochs two at smaller crops."""
    from alexvgg.training.trainer import Trainer

    recipe = {"epochs": 4, "early_crops": [{"crop": 4, "fraction": 0.5}]}
    with pytest.raises(
        ParamsError, match="stop_after 4 ends training at early crops of 4 pixels; make it more than 4, "
    ):
        Trainer(tiny_network(), data, identity(**recipe, stop_after=4))
    Trainer(tiny_network(), data, identity(**recipe, stop_after=5))


def test_validation_is_of_the_validation_split_in_batches_of_the_recipes_size(tf, data):
    from alexvgg.training.trainer import Trainer

    others = Split(data.train.images[:21], 1 - data.train.labels[:21])
    trainer = Trainer(tiny_network(), TrainingData(data.train, others, description(8)), identity(batch_size=10))
    points = []
    [row] = trainer.epochs(quiet, lambda: points.append(trainer.state()[1]))
    batches = [[len(value) for name, value in arrays.items() if name.startswith("val_logits")] for arrays in points]
    assert batches == [[]] * 3 + [[10], [10, 10], [10, 10, 1]]
    logits = np.concatenate([value for name, value in points[-1].items() if name.startswith("val_logits")])
    assert row.val_acc == metrics.accuracy(logits, others.labels)
    assert row.val_loss == metrics.cross_entropy(logits, others.labels)


def test_the_beginning_is_noted_exactly(tf, data):
    """Losses and weights after steps 1, 2 and 10; two steps an epoch."""
    from alexvgg.training.trainer import Trainer

    def begun(seed=0, **changes):
        model, steps = tiny_network(), []
        trainer = Trainer(model, data, identity(seed, **changes))
        list(trainer.epochs(lambda **numbers: steps.append(numbers), quiet))
        return model, steps, trainer.beginning

    _, steps, beginning = begun(epochs=6)
    assert [one.step for one in beginning] == [1, 2, 10]
    assert beginning[0].loss == steps[0]["loss"]
    assert (beginning[0].loss + beginning[1].loss) / 2 == steps[1]["loss"]  # what is reported is a running mean
    assert begun(epochs=6)[2] == beginning
    for i, stop in enumerate((1, 2, 10)):
        model, _, until_then = begun(epochs=6, stop_after=stop)
        assert until_then == beginning[: i + 1]
        weights = b"".join(weight.tobytes() for weight in model.get_weights())
        assert until_then[i].weights_sha256 == hashlib.sha256(weights).hexdigest()
    other = begun(seed=1, epochs=6)[2]
    assert not {one.weights_sha256 for one in beginning} & {one.weights_sha256 for one in other}


def test_loss_that_is_not_finite_names_the_step(tf, data):
    with pytest.raises(TrainingError, match=r"the loss is (nan|inf) at step \d+ of 8 \(epoch \d\).*learning_rate"):
        run(data, epochs=4, learning_rate=1e2, optimizer="sgd", momentum=0.0, schedule="constant")


def test_weights_that_the_last_update_ruins_are_never_handed_out(tf, data):
    """No training loss comes after it, and the loss in validation may be finite still."""
    from alexvgg.training.trainer import Trainer

    trainer = Trainer(tiny_network(), data, identity())
    trainer.step = 2
    trainer.network.trainable_variables[-1].assign([np.nan, 0.0])
    with pytest.raises(TrainingError, match=r"weights are not finite after step 2 of 2; lower learning_rate"):
        trainer.state()
    with pytest.raises(TrainingError, match=r"val_loss is nan after epoch 1; lower learning_rate"):
        list(trainer.epochs(quiet, quiet))
    assert trainer.rows == []


@pytest.mark.parametrize("hidden", [{"cutmix": 0.5}, {"erasing": 0.5}, {"cutmix": 0.25, "erasing": 0.25}], ids=str)
def test_loss_and_accuracy_are_of_images_of_which_no_part_is_hidden(tf, data, hidden, monkeypatch):
    """Half of each batch has labels of two classes, or is all one colour, on which no loss is almost nothing."""
    from alexvgg.augmentation import mixing

    monkeypatch.setattr(mixing, "AREA", (1.0, 1.0))
    monkeypatch.setattr(mixing, "RATIO", (1.0, 1.0))
    images = data.train.images
    black_and_white = np.where(np.arange(32)[:, None, None, None] % 2, images // 8, 255 - images // 8)
    two_classes = both(Split(black_and_white, (np.arange(32) % 2).astype(np.int32)))
    rows = run(two_classes, learning_rate=0.02, epochs=20, **hidden)[1]
    assert rows[-1].acc == 1.0 and rows[-1].loss < 0.1


def test_batch_larger_than_the_data(tf, data):
    with pytest.raises(ParamsError, match="larger than the 32 training images; make it at most 32"):
        run(data, batch_size=33)


def test_loss_and_accuracy_are_running_means_in_training_mode(tf, data):
    """As `fit` prints them: with a rate of almost nothing, the mean over the batches is the mean over the data."""
    model, rows = run(data, learning_rate=1e-12, optimizer="sgd", momentum=0.0)
    assert rows[0].loss != pytest.approx(rows[0].val_loss, rel=1e-3)  # dropout and batch statistics
    logits = model.get_layer("logits")
    assert logits.units == 2
    assert 0 <= rows[0].acc <= 1


@pytest.mark.parametrize("smoothing", [0.0, 0.1])
def test_validation_loss_is_keras(tf, smoothing):
    import keras

    random = np.random.default_rng(0)
    logits, labels = (
        random.normal(size=(20, 7)).astype(np.float32),
        random.integers(0, 7, 20).astype(np.int32),
    )
    theirs = keras.losses.CategoricalCrossentropy(from_logits=True, label_smoothing=smoothing)
    assert metrics.cross_entropy(logits, labels, smoothing) == pytest.approx(
        float(theirs(tf.one_hot(labels, 7), logits)), rel=1e-6
    )


@pytest.mark.parametrize("changes", [
    {"optimizer": "adam"},
    {"optimizer": "adam", "weight_decay": 0.1, "gradient_clip_norm": 0.5},
    {"optimizer": "sgd", "weight_decay": 0.1},
    {"optimizer": "sgd", "momentum": 0.0, "gradient_clip_norm": 0.5},
])  # fmt: skip
def test_optimizers_are_keras(tf, changes):
    import keras

    from alexvgg.training.optimizer import Optimizer

    chosen = recipe(**changes)
    random = np.random.default_rng(0)
    start = {"kernel": random.normal(size=(5, 4)).astype("f4"), "bias": random.normal(size=4).astype("f4")}
    ours = [keras.Variable(value, name=name) for name, value in start.items()]
    theirs = [keras.Variable(value, name=name) for name, value in start.items()]
    common = {"weight_decay": chosen.weight_decay or None, "global_clipnorm": chosen.gradient_clip_norm}
    if chosen.optimizer == "adam":
        reference = keras.optimizers.Adam(0.01, **common)
    else:
        reference = keras.optimizers.SGD(0.01, momentum=chosen.momentum, nesterov=chosen.momentum > 0, **common)
    reference.exclude_from_weight_decay(var_names=["bias"])
    optimizer = Optimizer(chosen, ours)
    for step in range(5):
        gradients = [tf.constant(random.normal(size=value.shape).astype("f4")) for value in start.values()]
        optimizer.apply(gradients, tf.constant(step), tf.constant(0.01))
        reference.apply(gradients, theirs)
    for a, b in zip(ours, theirs, strict=True):
        assert np.allclose(a.numpy(), b.numpy(), rtol=1e-5, atol=1e-6)


def test_early_crops_come_before_the_networks_own():
    assert crops(recipe(epochs=3), 16) == [16, 16, 16]
    early = [{"crop": 10, "fraction": 0.4}, {"crop": 12, "fraction": 0.2}]
    assert crops(recipe(epochs=5, early_crops=early), 16) == [10, 10, 12, 16, 16]
    assert crops(recipe(epochs=20, early_crops=early), 16) == [10] * 8 + [12] * 4 + [16] * 8
    assert crops(recipe(epochs=2, early_crops=early), 16) == [10, 16]  # too few for each of them
    assert crops(recipe(epochs=2, early_crops=[{"crop": 10, "fraction": 0.99}]), 16) == [10, 16]


def test_schedules():
    rates = {name: [learning_rate(recipe(schedule=name, warmup_fraction=0.2), s, 100) for s in range(100)]
             for name in ("constant", "cosine", "one_cycle")}  # fmt: skip
    for name, values in rates.items():
        assert values[0] == pytest.approx(1e-3 / 21), name
        assert max(values) == pytest.approx(1e-3), name
        assert values[:20] == sorted(values[:20]), name
    assert rates["constant"][-1] == 1e-3
    assert rates["cosine"][60] == pytest.approx(5e-4)
    assert rates["one_cycle"][60] == pytest.approx(5e-4)
    assert 0 < rates["one_cycle"][-1] < 2e-5


def test_the_rate_is_raised_where_crops_become_larger():
    early = [{"crop": 10, "fraction": 0.3}, {"crop": 12, "fraction": 0.4}]
    for name in ("one_cycle", "cosine", "constant"):
        plain, raised = (
            [learning_rate(recipe(epochs=10, schedule=name, warmup_fraction=0.1, early_crops=early, restart=restart),
                           step, 100) for step in range(100)]
            for restart in (0.0, 0.5)
        )  # fmt: skip
        assert raised[:70] == plain[:70], name  # at the first change it is higher than that anyway
        assert raised[70] == pytest.approx(1e-3 if name == "constant" else 5e-4), name
    assert plain == raised  # a constant one is never below it
    one_cycle = [
        learning_rate(recipe(epochs=10, schedule="one_cycle", early_crops=early, restart=0.5), step, 100)
        for step in range(100)
    ]
    assert one_cycle[85] == pytest.approx(2.5e-4) and 0 < one_cycle[99] < 2e-5


def test_metrics_by_hand():
    logits = np.log(np.array([[0.7, 0.2, 0.1], [0.1, 0.2, 0.7]], np.float32))
    labels = np.array([0, 1])
    assert metrics.accuracy(logits, labels) == 0.5
    assert metrics.label_rank(logits, labels).tolist() == [1, 2]
    assert metrics.top_k_accuracy(logits, labels, 1) == 0.5
    assert metrics.top_k_accuracy(logits, labels, 2) == 1.0
    assert metrics.cross_entropy(logits, labels) == pytest.approx(-(math.log(0.7) + math.log(0.2)) / 2)
    assert metrics.accuracy_interval(0.5, 100) == pytest.approx((0.4038, 0.5962), abs=1e-4)  # Wilson, by hand


def test_of_equal_logits_the_first_is_the_answer():
    logits = np.array([[1.0, 3.0, 3.0, 2.0]] * 4, np.float32)
    labels = np.arange(4)
    assert metrics.label_rank(logits, labels).tolist() == [4, 1, 2, 3]
    assert ((metrics.label_rank(logits, labels) == 1) == (logits.argmax(axis=1) == labels)).all()
    assert metrics.top_k_accuracy(logits, labels, 1) == metrics.accuracy(logits, labels) == 0.25
