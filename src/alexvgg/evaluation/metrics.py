"""Numbers from logits, float32 (n, classes), and labels, int32 (n,)."""

import numpy as np


def cross_entropy(logits: np.ndarray, labels: np.ndarray, label_smoothing: float = 0.0) -> float:
    """The mean cross-entropy in nats, as Keras's CategoricalCrossentropy defines it with label smoothing."""
    log_probabilities = log_softmax(logits)
    true = log_probabilities[np.arange(len(labels)), labels]
    return float(-((1 - label_smoothing) * true + label_smoothing * log_probabilities.mean(axis=1)).mean())


def accuracy(logits: np.ndarray, labels: np.ndarray) -> float:
    """The share of images whose highest logit is the label's."""
    return float((logits.argmax(axis=1) == labels).mean())


def label_rank(logits: np.ndarray, labels: np.ndarray) -> np.ndarray:
    """The place of each label among the classes by probability, int (n,): 1 where it is the answer.

    Of equal logits the first class comes first, as in `argmax`.
    """
    of_label = logits[np.arange(len(labels)), labels][:, None]
    earlier = np.arange(logits.shape[1]) < labels[:, None]
    return 1 + ((logits > of_label) | ((logits == of_label) & earlier)).sum(axis=1)


def top_k_accuracy(logits: np.ndarray, labels: np.ndarray, k: int) -> float:
    """The share of images whose label is among the `k` highest logits."""
    return float((label_rank(logits, labels) <= k).mean())


def accuracy_interval(accuracy: float, images: int) -> tuple[float, float]:
    """Wilson's 95 % interval for an accuracy measured on `images` images."""
    from scipy.stats import binomtest

    interval = binomtest(round(accuracy * images), images).proportion_ci(method="wilson")
    return float(interval.low), float(interval.high)


def log_softmax(logits: np.ndarray) -> np.ndarray:
    """Logarithms of the probabilities, float64 (n, classes)."""
    shifted = logits.astype(np.float64) - logits.max(axis=1, keepdims=True)
    return shifted - np.log(np.exp(shifted).sum(axis=1, keepdims=True))
