"""In place of a stage: the files that it would write, of a word each, at once.

python stages/train.py MODEL SEED
"""

import sys
from pathlib import Path

from ruamel.yaml import YAML

stage, (model, seed) = Path(sys.argv[0]).stem, sys.argv[1:]
profile = YAML(typ="safe").load(Path("params.yaml"))["profile"]
row = Path("rows", profile, f"{model}-{seed}")
outputs = {
    "train": [Path("weights", profile, f"{model}-{seed}.weights.h5"), row / "summary.json", row / "history.csv"],
    "evaluate": [row / "evaluation.json", row / "answers.csv"],
}
for path in outputs[stage]:
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(f"{stage} {model} {seed}\n")
