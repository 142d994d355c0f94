"""What `train` says of a finished training, beside its history and weights."""

from alexvgg.rows.identity import Identity
from alexvgg.rows.record import Record


class Beginning(Record):
    """Where a training stood after one of its first steps; a repetition can be compared with it."""

    step: int  # steps done
    loss: float  # of that step's batch (images of which no part is hidden), nats, exactly
    weights_sha256: str  # of all weights, moving averages included, in the network's order


class Summary(Identity):
    """A training, the network that it made, and how it ended; without times, hosts and run ids."""

    version: str  # of this package
    source: str  # the data set, as in `data.source`
    title: str  # the data set, for people
    archive_sha256: str
    images: dict[str, int]  # by split
    resize: int  # pixels: the side that images are resized to before crops are cut
    hardware: str
    params: int  # the network's weights
    weights_sha256: str  # of the file of weights
    beginning: list[Beginning]
    loss: float  # this and the next three: of the last epoch, see `history.Epoch`
    val_loss: float
    acc: float
    val_acc: float
