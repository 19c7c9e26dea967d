"""Train ResNet-18 with one kind of attention, and write how well it recognises unseen images.

    python train.py --attention eca --data digits --seed 0
"""

import argparse
import json
import random
import time
from pathlib import Path

import numpy
import torch
import torchvision
from sklearn.datasets import load_digits
from sklearn.model_selection import train_test_split
from torch import nn
from torch.utils.data import DataLoader, Dataset, TensorDataset
from torchvision import transforms
from torchvision.models.resnet import BasicBlock, ResNet

from attention import MODULES

#: What counts where the command line says nothing.
DEFAULTS = {
    "digits": {"epochs": 3, "batch_size": 32, "lr": 0.01},
    "cifar10": {"epochs": 50, "batch_size": 128, "lr": 0.1},
}


class Block(BasicBlock):
    """A residual block with attention on what is added to the shortcut."""

    attention = "none"

    def __init__(self, inplanes, planes, *arguments, **options):
        super().__init__(inplanes, planes, *arguments, **options)
        self.attend = MODULES[self.attention](planes)

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        out = self.relu(self.bn1(self.conv1(x)))
        out = self.attend(self.bn2(self.conv2(out)))
        shortcut = x if self.downsample is None else self.downsample(x)
        return self.relu(out + shortcut)


def resnet18(attention: str, data: str) -> ResNet:
    """torchvision's ResNet-18 with attention in each block. For digits of 8 x 8 pixels the first
    layers neither shrink the image nor expect colours."""
    block = type(f"{attention}Block", (Block,), {"attention": attention})
    model = ResNet(block, [2, 2, 2, 2], num_classes=10)
    if data == "digits":
        model.conv1 = nn.Conv2d(1, 64, kernel_size=3, padding=1, bias=False)
        model.maxpool = nn.Identity()
    return model


def digits() -> tuple[Dataset, Dataset]:
    """scikit-learn's 1797 digits: one half to train, the other to test, whatever the seed."""
    images, labels = load_digits(return_X_y=True)
    images = torch.tensor(images / 16, dtype=torch.float32).reshape(-1, 1, 8, 8)
    labels = torch.tensor(labels)
    train, test = train_test_split(
        range(len(labels)), test_size=0.5, random_state=0, stratify=labels
    )
    return TensorDataset(images[train], labels[train]), TensorDataset(images[test], labels[test])


def cifar10(directory: Path) -> tuple[Dataset, Dataset]:
    """CIFAR-10 by torchvision, which downloads it once and checks it."""
    plain = [
        transforms.ToTensor(),
        transforms.Normalize((0.485, 0.456, 0.406), (0.229, 0.224, 0.225)),
    ]
    varied = [transforms.RandomHorizontalFlip(), transforms.RandomCrop(32, 4), *plain]
    return (
        torchvision.datasets.CIFAR10(
            directory, train=True, download=True, transform=transforms.Compose(varied)
        ),
        torchvision.datasets.CIFAR10(directory, train=False, transform=transforms.Compose(plain)),
    )


def seed_everything(seed: int) -> None:
    """The same seed on the same machine gives the same numbers: a GPU's pooling may warn."""
    random.seed(seed)
    numpy.random.seed(seed)
    torch.manual_seed(seed)
    torch.use_deterministic_algorithms(True, warn_only=True)


def train_one_epoch(model, loader, optimiser, scheduler, device) -> float:
    """The mean loss of one pass over the training images."""
    model.train()
    losses = []
    for images, labels in loader:
        loss = nn.functional.cross_entropy(model(images.to(device)), labels.to(device))
        optimiser.zero_grad()
        loss.backward()
        optimiser.step()
        scheduler.step()
        losses.append(loss.item())
    return sum(losses) / len(losses)


@torch.no_grad()
def accuracy(model, loader, device) -> float:
    """The fraction of images that are recognised."""
    model.eval()
    hits = [
        (model(images.to(device)).argmax(dim=1) == labels.to(device)).sum().item()
        for images, labels in loader
    ]
    return sum(hits) / len(loader.dataset)


def arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--attention", choices=MODULES, default="eca")
    parser.add_argument("--data", choices=DEFAULTS, default="digits")
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--epochs", type=int)
    parser.add_argument("--batch-size", type=int)
    parser.add_argument("--lr", type=float, help="the highest learning rate of the one cycle")
    parser.add_argument("--workers", type=int, default=0, help="processes that load images")
    parser.add_argument("--directory", type=Path, default="data", help="where CIFAR-10 is, or goes")
    parser.add_argument("--device", default="cuda" if torch.cuda.is_available() else "cpu")
    chosen = parser.parse_args()
    for name, value in DEFAULTS[chosen.data].items():
        if getattr(chosen, name) is None:
            setattr(chosen, name, value)
    return chosen


def main() -> None:
    chosen = arguments()
    seed_everything(chosen.seed)
    train, test = digits() if chosen.data == "digits" else cifar10(chosen.directory)
    # Batch normalisation cannot learn from a last batch of one image: incomplete ones are dropped.
    loader = DataLoader(
        train, chosen.batch_size, shuffle=True, drop_last=True, num_workers=chosen.workers
    )
    unseen = DataLoader(test, 256, num_workers=chosen.workers)
    model = resnet18(chosen.attention, chosen.data).to(chosen.device)
    optimiser = torch.optim.SGD(
        model.parameters(), lr=chosen.lr, momentum=0.9, weight_decay=5e-4, nesterov=True
    )
    scheduler = torch.optim.lr_scheduler.OneCycleLR(
        optimiser, max_lr=chosen.lr, epochs=chosen.epochs, steps_per_epoch=len(loader)
    )
    began = time.perf_counter()
    for epoch in range(chosen.epochs):
        loss = train_one_epoch(model, loader, optimiser, scheduler, chosen.device)
        print(f"epoch {epoch + 1}/{chosen.epochs}: loss {loss:.4f}", flush=True)
    results = {
        "test": {"accuracy": accuracy(model, unseen, chosen.device)},
        "train": {"loss": loss, "seconds": time.perf_counter() - began},
        "parameters": sum(each.numel() for each in model.parameters()),
        "attention": chosen.attention,
        "data": chosen.data,
        "seed": chosen.seed,
        "device": chosen.device,
        "torch": torch.__version__,
        "cuda": torch.version.cuda,
    }
    print(f"test accuracy {100 * results['test']['accuracy']:.2f} %")
    Path("results.json").write_text(json.dumps(results, indent=1) + "\n")


if __name__ == "__main__":
    main()
