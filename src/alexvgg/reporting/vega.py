"""How the page's charts are made: Vega-Lite, interactive where JavaScript runs, and the same as SVG where it does not.

Colours are variables of the page's style, so that a chart is dark where the page is. Two parameters are the page's to
set: `shown`, the models that are on, and `epoch`, the one that is looked at.
"""

import json
from functools import cache
from typing import Any

import altair as alt
import vl_convert

Values = list[dict[str, Any]]

VERSION = ".".join(alt.SCHEMA_VERSION.removeprefix("v").split(".")[:2])
COLORS = 7  # variables --model-0, --model-1, …
FONT = "Liberation Sans, Arial, sans-serif"  # vl-convert brings the first one: text is as wide everywhere
TICKS = 8  # at most, of an axis of epochs
WIDTH, HEIGHT = 330, 260  # pixels, of the SVG; where JavaScript runs, the width is the page's
SHOWN, LOOKED_AT = "indexof(shown, datum.model) >= 0", "datum.epoch == epoch"
STYLE: dict[str, Any] = {
    "background": None,
    "font": FONT,
    "padding": 4,
    "view": {"stroke": None},
    "axis": {
        "labelColor": "var(--soft)", "titleColor": "var(--soft)", "gridColor": "var(--line)", "domain": False,
        "tickColor": "var(--line)", "labelFontSize": 12, "titleFontSize": 12, "titleFontWeight": "normal",
    },
    "text": {"fontSize": 12},
}  # fmt: skip


def chart(values: Values) -> alt.Chart:
    """Of these values, those of models that are on."""
    return alt.Chart(alt.Data(values=values)).transform_filter(SHOWN)


def epochs(last: int) -> alt.X:
    """A horizontal axis from the first epoch to the last."""
    ticks = alt.Axis(values=list(range(1, last + 1, -(-last // TICKS))), format="d", grid=False)
    return alt.X("epoch:Q", title="Epoch", axis=ticks, scale=alt.Scale(domain=[1, max(last, 2)], nice=False))


def dashes() -> alt.StrokeDash:
    """Solid for validation, dashed for training."""
    scale = alt.Scale(domain=["validation", "training"], range=[[1, 0], [5, 4]])
    return alt.StrokeDash("split:N", legend=None, scale=scale)


def color(models: list[str]) -> alt.Color:
    colors = [f"var(--model-{place % COLORS})" for place in range(len(models))]
    return alt.Color("model:N", legend=None, scale=alt.Scale(domain=models, range=colors))


def short(value: float) -> float:
    """As many digits as can be seen."""
    return float(f"{value:.5g}")


def finished(layers: list[alt.Chart], models: list[str], said: str) -> dict[str, Any]:
    """The layers as one specification; `said` is for those who do not see it."""
    shown, looked_at = alt.param(name="shown", value=models), alt.param(name="epoch", value=0)
    made = alt.LayerChart(layer=layers).add_params(shown, looked_at)
    specification: dict[str, Any] = made.properties(width=WIDTH, height=HEIGHT, description=said).to_dict()
    return specification | {"config": STYLE}


def svg(specification: dict[str, Any]) -> str:
    """The chart as it is without JavaScript."""
    made: str = vl_convert.vegalite_to_svg(specification, vl_version=VERSION)
    return made


def script(specification: dict[str, Any]) -> str:
    """The specification as JSON that can stand in a page."""
    text = json.dumps(specification, ensure_ascii=False, sort_keys=True, separators=(",", ":"))
    return text.replace("<", "\\u003c")


@cache
def library() -> str:
    """Vega, Vega-Lite and Vega-Embed, in one script that needs nothing else."""
    bundle: str = vl_convert.javascript_bundle("window.vegaEmbed = vegaEmbed;", vl_version=VERSION)
    return bundle.replace("</script", "<\\/script")
