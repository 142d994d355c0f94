"""What the slides say of networks, recipes and data, in the lengths that `sentences` explains."""

from alexvgg.reporting.presentation import sentences
from alexvgg.rows.row import Row, by_model
from alexvgg.rows.summary import Summary


def network(row: Row) -> list[str]:
    """Where most of a network's parameters are."""
    layers, model = row.evaluation.layers, row.summary.model
    whole = sum(one.parameters for one in layers)
    shares = {words: sum(one.parameters for one in layers if kind in one.layer.split()[0]) for kind, words in
              (("Dense", "dense layers"), ("Conv", "convolutions"))}  # fmt: skip
    most = max(shares, key=lambda words: shares[words])
    plain = f"{model}: {whole:,} parameters"
    return [f"{plain}, {100 * shares[most] / whole:.1f} % in {most}", plain] if whole and shares[most] else [plain]


def drawn(cells: list[list[str]]) -> list[str]:
    """Whether the networks as the talk writes them have the parameters that it prints."""
    same, other = ([line[0] for line in cells if line[5] == answer] for answer in ("yes", "no"))
    built = "Built as the talk writes them,"
    if other:
        have = "has" if len(other) == 1 else "have"
        return [f"{built} {sentences.listed(other)} {have} other parameters than it prints",
                f"{built} {len(other)} of {len(cells)} networks have other parameters than it prints"]  # fmt: skip
    if same:
        have = "has" if len(same) == 1 else "have"
        return [f"{built} {sentences.listed(same)} {have} the parameters that it prints",
                f"{built} {len(same)} of {len(cells)} networks have the parameters that it prints"]  # fmt: skip
    words = sentences.listed(f"{line[0]} has {line[3]}" for line in cells)
    return [f"{built} {words} parameters", "The networks as the talk writes them"]


def training(rows: list[Row]) -> list[str]:
    """How the models were trained, as far as it is the same for all."""
    first = [several[0].summary for several in by_model(rows).values()]
    epochs = sorted({one.recipe.epochs for one in first})
    span = sentences.counted(epochs[0], "epoch") if len(epochs) == 1 else f"{epochs[0]} to {epochs[-1]} epochs"
    ways = sorted({one.recipe.optimizer for one in first})
    images = sentences.counted(first[0].images["train"], "image")
    who = "The model was" if len(first) == 1 else f"All {len(first)} models were"
    return [f"{who} trained for {span} on {images}, with {sentences.listed(ways, 'or')}", f"{who} trained for {span}"]


def data(title: str, images: dict[str, int], classes: int, groups: int) -> list[str]:
    """How much there is of the data."""
    grouped = f", {groups} superclasses" if groups else ""
    plain = f"{sentences.counted(sum(images.values()), 'image')} of {sentences.counted(classes, 'class')}{grouped}"
    return [f"{title}: {plain}", f"The data: {plain}"]


def classes(groups: dict[str, list[str]]) -> list[str]:
    """How the classes are grouped."""
    sizes = sorted({len(members) for members in groups.values()})
    each = " to ".join(map(str, sorted({sizes[0], sizes[-1]})))
    whole = sum(map(len, groups.values()))
    return [f"The {sentences.counted(whole, 'class')} are in {sentences.counted(len(groups), 'superclass')} of {each}"]


CROPS = (
    "In training, every image is cut at a random place, another in every epoch. Validation and test cut out the centre."
)


def crops(summary: Summary) -> list[str]:
    """What a random crop is."""
    crop, resize = summary.crop, summary.resize
    return [f"Random crops: windows of {crop} × {crop} px, cut anywhere out of {resize} × {resize}"]
