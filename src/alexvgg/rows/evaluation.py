"""What `evaluate` says of a trained network."""

from alexvgg.networks.counting import Layer
from alexvgg.rows.record import Record


class Evaluation(Record):
    """A trained network on the test split and on as many training images, and its cost.

    Accuracies are shares, losses in nats without label smoothing. `train_acc` is measured like `test_acc`: without
    dropout, in centre crops.
    """

    train_acc: float
    train_petaflop: float | None  # 10¹⁵ operations of the whole training; None: a layer cannot be counted
    test_loss: float
    test_acc: float
    test_acc_low: float  # of the 95 % interval (Wilson)
    test_acc_high: float
    test_top5: float | None  # among the five highest; None: there are no more than five classes
    test_ece: float  # expected calibration error (Guo et al. 2017)
    test_superclass_acc: float | None  # None: the data has no superclasses
    layers: list[Layer]
    training_flop: dict[str, int | None]  # operations of one image's training step, by crop in pixels

    @property
    def metrics(self) -> dict[str, float]:
        """The numbers by name, without what is not there."""
        values = self.model_dump(exclude={"layers", "training_flop"})
        return {name: value for name, value in values.items() if value is not None}
