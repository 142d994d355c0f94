"""Bad parameters are refused in one line that says what is allowed."""

import subprocess
import sys
from pathlib import Path

import pytest
from dvc.utils.serialize import load_yaml
from ruamel.yaml import YAML

from alexvgg.params import file
from alexvgg.system.errors import ParamsError
from conftest import ROOT


def put(tree: dict, dotted: str, value) -> dict:
    *parents, last = dotted.split(".")
    for name in parents:
        tree = tree.setdefault(name, {})
    tree[last] = value
    return tree


@pytest.mark.parametrize("profile", sorted(path.stem for path in (ROOT / "profiles").glob("*.yaml")))
def test_every_profile_is_valid_and_names_itself(profile):
    path = ROOT / "profiles" / f"{profile}.yaml"
    assert file.load(path).profile == profile
    assert load_yaml(str(path)) == YAML(typ="safe", pure=True).load(path)  # DVC may read it by another parser


@pytest.mark.parametrize(
    ("where", "value", "expected"),
    [
        ("traning", {}, "did you mean 'training'"),
        ("training.early_crops", [{"crop": 67, "fracton": 0.5}], "did you mean 'fraction'? (allowed: crop, fraction)"),
        ("training.batchsize", 1, "did you mean 'batch_size'"),
        ("models.alexnet.epoch", 3, "did you mean 'epochs'"),
        ("models.alexnet.architecture", "alexnett", "did you mean 'alexnet'"),
        ("models.alexnet.options", {"activaton": "tanh"}, "did you mean 'activation'"),
        ("models.alexnet.options", {"activation": "gelu"}, "'relu' or 'tanh', found 'gelu'"),
        ("models.alexnet.options", {"dropout": 1.0}, "less than 1"),
        ("models.vgg16.options", {"normalization": "lrn"}, "unknown VGG-16 option"),
        ("models.alexnet.crop", 66, "needs at least 67"),
        ("models.vgg16.crop", "32", "valid integer, found '32'"),
        ("models.digits", {"architecture": "vgg16", "crop": "a", "learning_rate": 1e-3}, "models.digits.crop: "),
        ("models.alexnet.learning_rate", -1, "models.alexnet.learning_rate: input should be greater than 0, found -1"),
        ("training.epochs", 0, "greater than or equal to 1, found 0"),
        ("training.epochs", 2.5, "valid integer"),
        ("training.optimizer", "adamm", "'sgd' or 'adam', found 'adamm'"),
        ("training.random_crop", "yes", "valid boolean"),
        ("preprocess.crop", 257, "crop 257 is larger than resize 256"),
        ("preprocess.val_fraction", 1.0, "less than 1"),
        ("data.source", "cifar10", "'digits', 'cifar100'"),
        ("data.sha256", ["abc"], "data.sha256.0"),
        ("seeds", [1, 1], "names a seed twice"),
        ("seeds", [], "seeds: list should have at least 1"),
        ("models", {}, "models: dictionary should have at least 1"),
        ("models.Alex Net", {"architecture": "alexnet", "crop": 67}, "models"),
        ("profile", "../evil", "profile"),
        (
            "models.alexnet_vgg.early_crops",
            [{"crop": 60, "fraction": 0.5}, {"crop": 60, "fraction": 0.6}],
            "models.alexnet_vgg: early_crops take 1.1 of the training; leave some of it at full size",
        ),
        (
            "models.alexnet_vgg.early_crops",
            [{"crop": 64, "fraction": 0.5}, {"crop": 60, "fraction": 0.1}],
            "models.alexnet_vgg: early_crops of 64, 60 pixels; each has to be larger than the last",
        ),
        (
            "models.one",
            {
                "architecture": "vgg16",
                "crop": 64,
                "learning_rate": 1e-3,
                "epochs": 1,
                "early_crops": [{"crop": 32, "fraction": 0.5}],
            },
            "models.one: early_crops leave no epoch of 1 at full size; train for more, or set early_crops: []",
        ),
        (
            "models.alexnet_vgg.early_crops",
            [{"crop": 65, "fraction": 0.5}],
            "models.alexnet_vgg: early crop 65 does not fit alexnet_vgg at crop 65; no smaller one does",
        ),
        (
            "models.alexnet_vgg",
            {
                "architecture": "alexnet_vgg",
                "crop": 96,
                "learning_rate": 1e-3,
                "early_crops": [{"crop": 64, "fraction": 0.5}],
            },
            "models.alexnet_vgg: early crop 64 does not fit alexnet_vgg at crop 96; it takes from 65 to 95",
        ),
        (
            "models.alexnet.early_crops",
            [{"crop": 66, "fraction": 0.5}],
            "models.alexnet: early crop 66 does not fit alexnet at crop 67; no smaller one does",
        ),
    ],
)
def test_bad_values_are_refused_by_name(quickstart, write_params, where, value, expected):
    put(quickstart, where, value)
    with pytest.raises(ParamsError) as error:
        file.load(write_params(quickstart))
    assert expected in str(error.value)
    assert "\n" not in str(error.value)


def test_misspelt_key_is_named_before_the_one_it_hides(quickstart, write_params):
    quickstart["training"]["label_smooting"] = quickstart["training"].pop("label_smoothing")
    with pytest.raises(
        ParamsError, match=r"training\.label_smooting: unknown key 'label_smooting'; did you mean 'label_smoothing'"
    ):
        file.load(write_params(quickstart))


def test_missing_key_is_named(quickstart, write_params):
    del quickstart["training"]["epochs"]
    with pytest.raises(ParamsError, match=r"training\.epochs: field required"):
        file.load(write_params(quickstart))


@pytest.mark.parametrize("content", ["a: [1, 2", "just text", "", "a: 1\na: 2", "\tx: 1"])
def test_corrupt_file_is_one_line(write_params, content):
    with pytest.raises(ParamsError) as error:
        file.load(write_params(content))
    assert "profiles/*.yaml" in str(error.value)
    assert "\n" not in str(error.value)


def test_missing_file_says_what_to_do(tmp_path):
    with pytest.raises(ParamsError, match=r"copy one of profiles"):
        file.load(tmp_path / "params.yaml")


def test_roster_entry_overrides_the_common_recipe(quickstart, write_params):
    put(quickstart, "models.alexnet.weight_decay", 0.5)
    settings = file.load(write_params(quickstart))
    assert settings.recipe("alexnet").weight_decay == 0.5
    assert settings.recipe("alexnet").learning_rate == quickstart["models"]["alexnet"]["learning_rate"]
    assert settings.recipe("vgg16").weight_decay == quickstart["training"]["weight_decay"]


def test_a_number_in_scientific_notation_is_a_number(write_params):
    text = (ROOT / "profiles" / "quickstart.yaml").read_text()
    settings = file.load(write_params(text.replace("weight_decay: 0.02", "weight_decay: 2e-2")))
    assert settings.training.weight_decay == 0.02


def test_stage_refuses_bad_parameters_before_tensorflow(quickstart, write_params):
    put(quickstart, "training.epochz", 1)
    folder = write_params(quickstart).parent
    check = f"import sys, runpy; sys.argv = sys.argv[1:]; sys.path.insert(0, {str(ROOT / 'stages')!r})\ntry: runpy.run_path(sys.argv[0], run_name='__main__')\n"
    check += "finally: print('tensorflow' in sys.modules)"
    command = [sys.executable, "-c", check, str(ROOT / "stages" / "train.py"), "alexnet", "0"]
    done = subprocess.run(command, cwd=folder, capture_output=True, text=True)
    assert done.returncode == 2
    assert done.stdout.strip() == "False"
    assert done.stderr.startswith("error: params.yaml: training.epochz: unknown key")
    assert "Traceback" not in done.stderr
    assert len(done.stderr.splitlines()) == 1
    assert not list(Path(folder).glob("weights"))


def test_unknown_model_of_a_stage_says_which_there_are(quickstart, write_params):
    settings = file.load(write_params(quickstart))
    with pytest.raises(ParamsError, match="alexnet, alexnet_vgg, vgg16"):
        settings.entry("alexnett")
