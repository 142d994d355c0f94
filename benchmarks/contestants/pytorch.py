"""The same networks in PyTorch: AdamW in one pass, clipping, one constant batch; in bfloat16 by its autocast.

python pytorch.py <architecture> <crop> <batch_size> <precision> <channels_last|contiguous> <eager|compiled>
"""

import sys

import torch
from torch import nn
from windows import serve


def convolution(filters: int, kernel_size: int, strides: int = 1, padding: int | None = None) -> list[nn.Module]:
    padding = kernel_size // 2 if padding is None else padding
    return [nn.LazyConv2d(filters, kernel_size, strides, padding), nn.ReLU(inplace=True)]


def alexnet() -> list[nn.Module]:
    def pool() -> list[nn.Module]:
        return [nn.LazyBatchNorm2d(), nn.MaxPool2d(3, 2)]

    return [
        *convolution(96, 11, strides=4, padding=0), *pool(),
        *convolution(256, 5), *pool(),
        *convolution(384, 3), nn.LazyBatchNorm2d(),
        *convolution(384, 3), nn.LazyBatchNorm2d(),
        *convolution(256, 3), *pool(),
    ]  # fmt: skip


def alexnet_vgg() -> list[nn.Module]:
    def pool() -> list[nn.Module]:
        return [nn.MaxPool2d(2, 2), nn.LazyBatchNorm2d()]

    modules = [*convolution(64, 3, strides=2, padding=0), *pool()]
    for filters, depth in ((128, 1), (256, 2), (512, 2), (512, 2)):
        for _ in range(depth):
            modules += convolution(filters, 3)
        modules += pool()
    return modules


def vgg16() -> list[nn.Module]:
    modules: list[nn.Module] = []
    for filters, depth in ((64, 2), (128, 2), (256, 3), (512, 3), (512, 3)):
        for _ in range(depth):
            modules += convolution(filters, 3)
        modules.append(nn.MaxPool2d(2))
    return modules


def classifier() -> list[nn.Module]:
    modules: list[nn.Module] = [nn.Flatten()]
    for _ in range(2):
        modules += [nn.LazyLinear(4096), nn.ReLU(inplace=True), nn.Dropout(0.5)]
    return [*modules, nn.LazyLinear(100)]


def main(architecture: str, crop: int, batch_size: int, precision: str, layout: str, mode: str) -> None:
    torch.manual_seed(0)
    features = {"alexnet": alexnet, "alexnet_vgg": alexnet_vgg, "vgg16": vgg16}[architecture]()
    memory_format = {"channels_last": torch.channels_last, "contiguous": torch.contiguous_format}[layout]
    model = nn.Sequential(*features, *classifier())
    images = torch.randn(batch_size, 3, crop, crop)
    model(images)  # the lazy layers learn their sizes
    model, images = model.to(memory_format=memory_format), images.to(memory_format=memory_format)
    labels = torch.randint(0, 100, (batch_size,))
    optimizer = torch.optim.AdamW(model.parameters(), lr=1e-6, weight_decay=0.02, fused=True)
    loss_of = nn.CrossEntropyLoss()

    network = torch.compile(model) if mode == "compiled" else model

    def step() -> float:
        optimizer.zero_grad()
        with torch.autocast("cpu", torch.bfloat16, enabled=precision != "float32"):
            logits = network(images)
        loss = loss_of(logits.float(), labels)
        loss.backward()
        nn.utils.clip_grad_norm_(model.parameters(), 1.0)
        optimizer.step()
        return float(loss)

    trained = sum(p.numel() for p in model.parameters())
    averages = sum(b.numel() for name, b in model.named_buffers() if "running" in name)
    serve(step, batch_size, params=trained + averages, version=torch.__version__)


if __name__ == "__main__":
    main(sys.argv[1], int(sys.argv[2]), int(sys.argv[3]), *sys.argv[4:])
