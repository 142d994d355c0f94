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


def top_k_accuracy(logits: np.ndarray, labels: np.ndarray, k: int) -> float:
    """The share of images whose label is among the `k` highest logits."""
    from sklearn.metrics import top_k_accuracy_score

    return float(top_k_accuracy_score(labels, logits, k=k, labels=np.arange(logits.shape[1])))


def accuracy_interval(accuracy: float, images: int) -> tuple[float, float]:
    """Wilson's 95 % interval for an accuracy measured on `images` images."""
    from scipy.stats import binomtest

    interval = binomtest(round(accuracy * images), images).proportion_ci(method="wilson")
    return float(interval.low), float(interval.high)


def log_softmax(logits: np.ndarray) -> np.ndarray:
    """Logarithms of the probabilities, float64 (n, classes)."""
    shifted = logits.astype(np.float64) - logits.max(axis=1, keepdims=True)
    return shifted - np.log(np.exp(shifted).sum(axis=1, keepdims=True))
