"""What is said of an exception that nobody expected: whose it is, what it says, how to see more."""

import sys

import pytest

import author
from alexvgg.system import console, errors, faults

TRAIN = "python stages/train.py mine 0 --debug"


@pytest.fixture(autouse=True)
def command(monkeypatch):
    monkeypatch.setattr(sys, "argv", ["stages/train.py", "mine", "0"])


def raised(program) -> Exception:
    try:
        program()
    except Exception as error:  # noqa: BLE001 - that is what it is for
        return error
    raise AssertionError("nothing was raised")


def from_file(path, text: str, *arguments: object) -> Exception:
    """What the function `f` of a file with this text raises, called with `arguments`."""
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(text)
    names: dict = {}
    exec(compile(text, str(path), "exec"), names)
    return raised(lambda: names["f"](*arguments))


THEIRS = [
    "src/alexvgg/networks/mine.py",
    "src/alexvgg/networks/mine/blocks.py",
    "src/alexvgg/networks/alexnet.py",  # people change these too
    "src/alexvgg/networks/registry.py",
    "src/alexvgg/data/sources/flowers.py",
    "src/alexvgg/data/registry.py",
]
OURS = [
    "src/alexvgg/networks/architecture.py",
    "src/alexvgg/networks/layers/products.py",
    "src/alexvgg/networks/blocks.py",
    "src/alexvgg/data/sources/cifar100.py",
    "src/alexvgg/data/sources/images.py",
    "src/alexvgg/training/trainer.py",
    "src/alexvgg/system/files.py",
    "elsewhere/networks/mine.py",
]


@pytest.mark.parametrize("file", THEIRS)
def test_a_users_own_file_is_named(tmp_path, file):
    error = from_file(tmp_path / "src" / file, "def f():\n    return [][1]\n")
    assert faults.explain(error) == f"{file}, line 2: IndexError: list index out of range; the traceback: {TRAIN}"


@pytest.mark.parametrize("file", OURS)
def test_a_fault_of_ours_asks_for_a_report(tmp_path, file):
    error = from_file(tmp_path / file, "def f():\n    return [][1]\n")
    assert faults.explain(error) == (
        "IndexError: list index out of range (a fault of alexvgg: please report it with what `alexvgg doctor` prints; "
        f"the traceback: {TRAIN})"
    )


def test_the_innermost_line_of_the_users_counts_through_ours_and_others(tmp_path):
    """Ours calls theirs, which calls ours, which fails: they gave it something wrong."""
    ours = tmp_path / "src/alexvgg/networks/blocks.py"
    names: dict = {}
    exec(
        compile("def block(width):\n    return 1 / width\n\ndef build(f):\n    return f()\n", str(ours), "exec"), names
    )
    text = "def f(block):\n    def build():\n        return block(0)\n    return build()\n"
    theirs = compile(text + "f(block)", str(tmp_path / author.NAME), "exec")
    error = raised(lambda: names["build"](lambda: exec(theirs, dict(names))))
    assert faults.line_of(error) == f"{author.NAME}, line 3"


def test_a_registry_is_not_blamed_for_what_it_imports(tmp_path):
    """Ours, which it imported, is deeper."""
    ours = tmp_path / "src/alexvgg/data/dataset.py"
    text = f"def f():\n    exec(compile('import nothing_of_the_kind', {str(ours)!r}, 'exec'))\n"
    error = from_file(tmp_path / "src/alexvgg/data/registry.py", text)
    assert faults.line_of(error) == ""
    assert console._answer(error)[0].startswith("nothing_of_the_kind is not installed here; run `make setup`")


def test_a_checkout_may_be_called_like_the_package_or_src(tmp_path):
    for folder in ("alexvgg", "src/alexvgg", "src"):
        error = from_file(tmp_path / folder / author.NAME, "def f():\n    return {}['a']\n")
        assert faults.explain(error).startswith(f"{author.NAME}, line 2: KeyError: 'a'; ")


def test_an_installed_package_has_no_src(tmp_path):
    error = from_file(tmp_path / "site-packages/alexvgg/networks/mine.py", "def f():\n    return {}['a']\n")
    assert faults.line_of(error) == "alexvgg/networks/mine.py, line 2"


def broken():
    """A layer that raises when it is called."""
    import keras

    class Broken(keras.layers.Layer):
        def call(self, x):
            raise ValueError(f"a square of\n{x.shape[-1]} is none")

    return Broken()


def test_what_keras_puts_around_is_left_out(tf, tmp_path):
    """With its tracebacks filtered, as outside of the stages, Keras writes a page about every call."""
    import keras

    keras.config.enable_traceback_filtering()
    try:
        layer = keras.Sequential([keras.Input((5,)), keras.layers.Dense(3), keras.layers.Dense(4)])
        text = "def f(layer, x):\n    return layer(x)\n"
        error = from_file(tmp_path / author.NAME, text, layer.layers[1], tf.zeros((2, 5)))
        own = from_file(tmp_path / author.NAME, text, broken(), tf.zeros((2, 5)))
    finally:
        keras.config.disable_traceback_filtering()
    assert str(own).startswith("Exception encountered when calling") and "Arguments received by" in str(own)
    assert faults.explain(own) == f"{author.NAME}, line 2: ValueError: a square of 5 is none; the traceback: {TRAIN}"
    assert "expected axis -1 of input shape to have value 3" in faults.said(error)


def test_keras_guess_of_a_shape_is_left_out(tf):
    import keras

    error = raised(lambda: broken()(keras.Input((5,))))
    assert str(error).startswith("Could not automatically infer the output shape")
    assert faults.said(error) == "ValueError: a square of 5 is none"


COMPILED = """
def f(tf, inner):
    @tf.function
    def step(x):
        return inner(x)
    return step(tf.zeros((2, 3)))
"""


def test_the_frames_that_tensorflow_writes_are_read(tf, tmp_path):
    def inner(x):
        return x @ tf.zeros((5, 5))

    error = from_file(tmp_path / author.NAME, COMPILED, tf, inner)
    assert str(error).startswith("in user code:")
    assert faults.line_of(error) == f"{author.NAME}, line 5"
    assert (
        faults.said(error) == "ValueError: Dimensions must be equal, but are 3 and 5 with input shapes: [2,3], [5,5]."
    )
    assert faults.line_of(ValueError(str(error))) == f"{author.NAME}, line 5"  # by the message alone


def test_a_message_of_several_lines_in_user_code():
    text = (
        'in user code:\n\n    File "/a/src/alexvgg/training/trainer.py", line 211, in _step  *\n        logits = network(x)\n'
        f'    File "/a/{author.NAME}", line 7, in call\n        x = call(\n\n'
        "    RuntimeError: Exception encountered when calling Mine.call().\n\n    \x1b[1mfirst\n    second\x1b[0m\n\n"
        "    Arguments received by Mine.call():\n      • x=tf.Tensor(shape=(2, 3), dtype=float32)\n"
    )
    assert faults.explain(RuntimeError(text)) == (
        f"{author.NAME}, line 7: RuntimeError: first second; the traceback: {TRAIN}"
    )
    without_source = 'in user code:\n\n    File "/a/b.py", line 7, in call\n\n    ValueError: it is\n    wrong\n'
    assert faults.said(ValueError(without_source)) == "ValueError: it is wrong"


def test_an_error_of_a_kernel_says_where_it_is(tf, tmp_path):
    """The shape is not known before it is computed."""

    def inner(x):
        with tf.name_scope("mine"):
            return tf.reshape(x, [tf.cast(tf.reduce_sum(x), tf.int32) + 7])

    error = from_file(tmp_path / author.NAME, COMPILED, tf, inner)
    assert str(error).startswith("Graph execution error:")
    text = "Input to reshape is a tensor with 6 values, but the requested shape has 7 (in mine/Reshape)"
    assert faults.explain(error).startswith(f"{author.NAME}, line 5: InvalidArgumentError: {text}; the traceback: ")


def test_a_long_message_is_cut():
    said = faults.said(ValueError("word " * 1000))
    assert said.startswith("ValueError: word word") and said.endswith(" …")
    assert len(said) <= faults.LONGEST + 2
    assert faults.said(ValueError()) == "ValueError: no message"
    assert faults.said(ValueError("one\n\n   two")) == "ValueError: one two"


def test_a_users_file_that_is_not_python(tmp_path):
    path = tmp_path / author.NAME
    error = raised(lambda: compile("x = 1\ny = (\n", str(path), "exec"))
    assert faults.explain(error) == f"{author.NAME}, line 2: SyntaxError: '(' was never closed; the traceback: {TRAIN}"


COMMANDS = {
    ("stages/train.py", "mine", "0"): TRAIN,
    ("stages/check.py",): "python stages/check.py --debug",
    ("stages/train.py", "--debug", "mine", "0"): TRAIN,
    ("/home/me/a project/stages/report.py",): "python '/home/me/a project/stages/report.py' --debug",
    ("/home/me/.venv/bin/alexvgg", "sync"): "alexvgg --debug sync",
    ("/home/me/src/alexvgg/__main__.py", "--debug", "show", "alexnet"): "alexvgg --debug show alexnet",
    ("alexvgg", "pack", "my images", "-o", "it's.tar"): "alexvgg --debug pack 'my images' -o 'it'\"'\"'s.tar'",
}


@pytest.mark.parametrize("argv", COMMANDS, ids=" ".join)
def test_the_command_that_shows_the_traceback(argv):
    assert faults.debug_command(list(argv)) == COMMANDS[argv]


def test_what_is_raised_while_a_stage_is_imported(tmp_path, capsys):
    error = from_file(tmp_path / author.NAME, "def f():\n    raise ValueError('two\\nlines')\n")
    with pytest.raises(SystemExit) as end:
        console.excepthook(type(error), error, error.__traceback__)
    assert end.value.code == 1
    said = capsys.readouterr().err
    assert said == f"error: {author.NAME}, line 2: ValueError: two lines; the traceback: {TRAIN}\n"
    with pytest.raises(SystemExit) as end:
        console.excepthook(errors.ParamsError, errors.ParamsError("found x; do y"), None)
    assert end.value.code == errors.ParamsError.exit_code
    assert capsys.readouterr().err == "error: found x; do y\n"


def test_the_whole_traceback_of_what_is_raised_while_a_stage_is_imported(tmp_path, monkeypatch, capsys):
    error = from_file(tmp_path / author.NAME, "def f():\n    raise ValueError('two\\nlines')\n")
    monkeypatch.setattr(sys, "argv", ["stages/check.py", "--debug"])
    console.excepthook(type(error), error, error.__traceback__)
    assert "Traceback (most recent call last)" in capsys.readouterr().err


@pytest.mark.parametrize(
    ("text", "code", "says"),
    [
        ("import torchvision", 6, "there is no module torchvision here; correct the import, or install it into .venv"),
        ("open('nothing')", 1, "FileNotFoundError: [Errno 2] No such file or directory: 'nothing'; the traceback: "),
        ("raise MemoryError", 6, None),
    ],
)
def test_a_users_own_line_is_named_for_other_errors_too(tmp_path, capsys, text, code, says):
    path = tmp_path / author.NAME
    program = compile(f"def f():\n    {text}\n\nf()\n", str(path), "exec")
    found, line = author.answer(lambda: exec(program, {}), capsys)
    assert found == code
    assert line.startswith(f"{author.NAME}, line 2: {says}" if says else console.OUT_OF_MEMORY)
