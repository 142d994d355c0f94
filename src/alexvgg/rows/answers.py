"""What a network answered to every test image, as CSV, a line an image in the order of the split.

Columns: `label` and `answer`, names of classes; `confidence`, the answer's probability; `rank` of the label among the
classes by probability, 1 for a right answer.
"""

from pathlib import Path

import pandas as pd

from alexvgg.system import files


def write(path: Path, given: pd.DataFrame) -> None:
    """Replace a file by these answers, in one step."""
    files.write_text(path, given.to_csv(index=False, float_format="%.6f", lineterminator="\n"))


def read(path: Path) -> pd.DataFrame:
    """The answers in a file. Raises DataError."""
    return files.read_csv(path, dtype={"label": str, "answer": str}, keep_default_na=False)
