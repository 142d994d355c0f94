"""`alexvgg compare` shows what differs, and nothing else, in 120 columns."""

from alexvgg.cli.comparing import WIDTH, other_hardware, table

BEFORE = {"training.epochs": 7, "training.flip": "none", "models.vgg16.learning_rate": 2e-4, "vgg16: val_acc": 0.94884}
AFTER = {**BEFORE, "models.vgg16.learning_rate": 3e-4, "vgg16: val_acc": 0.95814, "models.mine.crop": 67}


def test_only_what_differs_is_shown():
    lines = table({"HEAD": BEFORE, "workspace": AFTER})
    assert [line.split() for line in lines] == [
        ["HEAD", "workspace"],
        ["models.vgg16.learning_rate", "0.0002", "0.0003"],
        ["vgg16:", "val_acc", "0.9488", "0.9581"],
        ["models.mine.crop", "–", "67"],
    ]


def test_a_difference_beyond_the_fourth_digit_is_shown():
    lines = table({"HEAD": {"alexnet: val_loss": 1.63362}, "workspace": {"alexnet: val_loss": 1.63361}})
    assert lines[1].split() == ["alexnet:", "val_loss", "1.63362", "1.63361"]


def test_nothing_differs():
    assert table({"HEAD": BEFORE, "workspace": BEFORE}) == ["Nothing differs between HEAD, workspace."]


def test_many_revisions_are_shown_in_several_tables_of_120_columns():
    revisions = {f"a-rather-long-name-{i}": {**BEFORE, "vgg16: val_acc": i / 100} for i in range(12)}
    lines = table(revisions)
    assert max(map(len, lines)) <= WIDTH
    tables = "\n".join(lines).split("\n\n")
    assert len(tables) > 1
    assert all("vgg16: val_acc" in one for one in tables)
    assert sum(one.splitlines()[0].count("a-rather-long") for one in tables) == 12


def test_a_long_label_or_value_does_not_break_the_columns():
    lines = table({"A": {"x" * 80: "y" * 80}, "B": {}})
    assert max(map(len, lines)) <= WIDTH
    assert len({len(line) for line in lines}) == 1


def test_rows_of_other_hardware_are_told():
    made_on = {"HEAD": "CPU, 2 threads, AVX-512", "workspace": "CPU, 2 threads, AVX2", "new": ""}
    assert other_hardware(made_on)[2:] == ["  HEAD       CPU, 2 threads, AVX-512", "  workspace  CPU, 2 threads, AVX2"]
    assert other_hardware(made_on | {"HEAD": "CPU, 2 threads, AVX2"}) == []
