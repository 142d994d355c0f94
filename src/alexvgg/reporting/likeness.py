"""How a trained network relates to the talk's: only what is the talk's is called so."""

from alexvgg.networks import registry
from alexvgg.reporting import slide
from alexvgg.rows.row import Row
from alexvgg.rows.summary import Summary

UNDRAWN = ("kernel_initializer", "batch_norm_momentum")  # options that change a training, not the layers


def figure(summary: Summary) -> str:
    """The slides that draw these very layers, at whatever size; empty if none does."""
    drawn = set(changed_options(summary)) <= set(UNDRAWN)
    return slide.DRAWINGS.get(summary.architecture, "") if drawn else ""


def changed_options(summary: Summary) -> dict[str, object]:
    """The options that are not what the slides write."""
    known = registry.ARCHITECTURES.get(summary.architecture)
    defaults = known.options().model_dump() if known else {}
    return {name: value for name, value in summary.options.items() if name not in defaults or defaults[name] != value}


def in_words(row: Row) -> str:
    """A sentence for a caption; empty where the slides draw no network at all."""
    summary, classes = row.summary, row.evaluation.layers[-1].output[-1]
    if not slide.DRAWINGS:
        return ""
    known, where = registry.ARCHITECTURES.get(summary.architecture), slide.DRAWINGS.get(summary.architecture)
    if known is None or where is None:
        return "Not a network of the talk."
    differs = [f"{name} {_value(value)}" for name, value in changed_options(summary).items()]
    if summary.crop != known.input_size:
        differs.append(f"images of {summary.crop} × {summary.crop} px, not {known.input_size} × {known.input_size}")
    if classes != known.classes:
        differs.append(f"{classes} classes, not {known.classes}")
    if not differs:
        return f"{known.title} as the talk has it ({where})."
    return f"After the talk's {known.title} ({where}), with {'; '.join(differs)}."


def _value(value: object) -> str:
    return "none" if value is None else str(value).lower()
