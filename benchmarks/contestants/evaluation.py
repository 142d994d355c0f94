"""Our evaluation by itself: centre crops, the network in inference mode, logits; as in validation and test.

python evaluation.py <architecture> <crop> <batch_size>
"""

import sys

import numpy as np
from full import described
from windows import serve

from alexvgg.networks import registry, runtime


def main(architecture: str, crop: int, batch_size: int) -> None:
    runtime.start("float32", 0)
    from alexvgg.evaluation.prediction import Predictor

    model = registry.named(architecture).build(crop, 100, {})
    predictor = Predictor.of(model, described({}, {}), crop, batch_size)
    images = np.random.default_rng(0).integers(0, 256, (batch_size, 32, 32, 3), np.uint8)
    serve(lambda: predictor.logits(images), batch_size)


if __name__ == "__main__":
    main(sys.argv[1], int(sys.argv[2]), int(sys.argv[3]))
