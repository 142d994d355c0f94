"""The accuracy of each class, from answers as `rows.answers` has them."""

import pandas as pd


def accuracy_by_class(given: pd.DataFrame) -> dict[str, float]:
    """The share of each class's images that were answered rightly, in the order of the classes' names."""
    right = given["label"] == given["answer"]
    return {str(name): float(share) for name, share in right.groupby(given["label"]).mean().items()}
