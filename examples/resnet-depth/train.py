"""Train a ResNet of 18 or 50 layers, and write how well it recognises unseen images.

    python train.py --depth 18 --lr 0.01 --data digits --seed 0
"""

import argparse
import csv
import json
import random
from pathlib import Path

import numpy
import torch
from sklearn.datasets import load_digits
from torch import nn
from torch.utils.data import DataLoader, TensorDataset
from torchvision import datasets, models, transforms

NETWORKS = {18: models.resnet18, 50: models.resnet50}
EPOCHS = {"digits": 4, "cifar10": 350}
BATCHES = {"digits": 64, "cifar10": 128}


def digits():
    """scikit-learn's digits, in the order in which they were collected: train on the first half."""
    pixels, labels = load_digits(return_X_y=True)
    images = torch.from_numpy(pixels / 16).float().view(-1, 1, 8, 8)
    labels = torch.from_numpy(labels)
    half = len(labels) // 2
    return TensorDataset(images[:half], labels[:half]), TensorDataset(images[half:], labels[half:])


def cifar10(place):
    """CIFAR-10 through torchvision, which downloads it once and checks it."""
    scaled = transforms.Compose(
        [transforms.ToTensor(), transforms.Normalize((0.491, 0.482, 0.447), (0.247, 0.243, 0.262))]
    )
    moved = transforms.Compose(
        [transforms.RandomCrop(32, padding=4), transforms.RandomHorizontalFlip(), scaled]
    )
    train = datasets.CIFAR10(place, train=True, download=True, transform=moved)
    return train, datasets.CIFAR10(place, train=False, transform=scaled)


def network(depth, data):
    """torchvision's, for small images: the first layer keeps their size."""
    net = NETWORKS[depth](weights=None, num_classes=10)
    net.conv1 = nn.Conv2d(1 if data == "digits" else 3, 64, kernel_size=3, padding=1, bias=False)
    if data == "cifar10":
        net.maxpool = nn.Identity()
    return net


def schedule(optimiser, data, epochs):
    """Digits: a cosine to zero. CIFAR-10: a tenth after 150 epochs, and again after 250."""
    if data == "digits":
        return torch.optim.lr_scheduler.CosineAnnealingLR(optimiser, epochs)
    return torch.optim.lr_scheduler.MultiStepLR(optimiser, [150, 250])


def share_recognised(net, loader, device):
    """The fraction of images whose class is found."""
    net.eval()
    right = total = 0
    with torch.inference_mode():
        for images, labels in loader:
            found = net(images.to(device)).argmax(1).cpu()
            right += int((found == labels).sum())
            total += len(labels)
    return right / total


def main():
    parser = argparse.ArgumentParser()
    parser.add_argument("--depth", type=int, choices=NETWORKS, default=18)
    parser.add_argument("--data", choices=EPOCHS, default="digits")
    parser.add_argument("--lr", type=float, default=0.01)
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--place", type=Path, default=Path("data"), help="where CIFAR-10 goes")
    given = parser.parse_args()

    random.seed(given.seed)
    numpy.random.seed(given.seed)
    torch.manual_seed(given.seed)
    torch.use_deterministic_algorithms(True, warn_only=True)
    device = "cuda" if torch.cuda.is_available() else "cpu"

    train, test = digits() if given.data == "digits" else cifar10(given.place)
    batches = DataLoader(train, BATCHES[given.data], shuffle=True, drop_last=True)
    unseen = DataLoader(test, 500)
    net = network(given.depth, given.data).to(device)
    optimiser = torch.optim.SGD(net.parameters(), lr=given.lr, momentum=0.9, weight_decay=5e-4)
    epochs = EPOCHS[given.data]
    rates = schedule(optimiser, given.data, epochs)

    with open("history.csv", "w", newline="") as file:
        history = csv.writer(file)
        history.writerow(["epoch", "loss", "accuracy"])
        for epoch in range(1, epochs + 1):
            net.train()
            losses = []
            for images, labels in batches:
                loss = nn.functional.cross_entropy(net(images.to(device)), labels.to(device))
                optimiser.zero_grad()
                loss.backward()
                optimiser.step()
                losses.append(loss.item())
            rates.step()
            accuracy = share_recognised(net, unseen, device)
            history.writerow([epoch, sum(losses) / len(losses), accuracy])
            print(f"epoch {epoch} of {epochs}: {100 * accuracy:.2f} % of unseen images", flush=True)

    found = {"accuracy": accuracy, "device": device, "torch": torch.__version__, **vars(given)}
    Path("results.json").write_text(json.dumps(found, indent=1, default=str) + "\n")


if __name__ == "__main__":
    main()
