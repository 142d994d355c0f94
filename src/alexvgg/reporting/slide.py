"""The numbers that the talk's last slide prints, by architecture. Compared with, never mixed in."""

RESULTS: dict[str, dict[str, float]] = {
    "alexnet": {"params": 58_696_548, "loss": 2.0653, "val_loss": 2.1413, "acc": 0.4529, "val_acc": 0.4432},
    "alexnet_vgg": {
        "params": 45_295_844,
        "loss": 1.1039,
        "val_loss": 1.5973,
        "acc": 0.6834,
        "val_acc": 0.5788,
    },
}
DATA = "cifar100"
