"""Attention modules for convolutional networks, written from the papers that propose them.

Each takes and gives a batch of feature maps of the same shape: N x channels x height x width.
"""

import math

import torch
from torch import nn


class SqueezeExcitation(nn.Module):
    """Weighs channels by two linear layers around a bottleneck (Hu et al., CVPR 2018)."""

    def __init__(self, channels: int, reduction: int = 16):
        super().__init__()
        hidden = max(channels // reduction, 1)
        self.weigh = nn.Sequential(
            nn.Linear(channels, hidden), nn.ReLU(), nn.Linear(hidden, channels), nn.Sigmoid()
        )

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        weights = self.weigh(x.mean(dim=(2, 3)))
        return x * weights[:, :, None, None]


class SpatialGate(nn.Module):
    """Weighs positions by a 7 x 7 convolution over the largest and the mean of all channels."""

    def __init__(self):
        super().__init__()
        self.convolution = nn.Conv2d(2, 1, kernel_size=7, padding=3, bias=False)
        self.normalise = nn.BatchNorm2d(1)

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        pooled = torch.stack((x.amax(dim=1), x.mean(dim=1)), dim=1)
        return x * torch.sigmoid(self.normalise(self.convolution(pooled)))


class CBAM(nn.Module):
    """Channels first, by one small network for mean and maximum; then positions
    (Woo et al., ECCV 2018)."""

    def __init__(self, channels: int, reduction: int = 16):
        super().__init__()
        hidden = max(channels // reduction, 1)
        self.shared = nn.Sequential(
            nn.Linear(channels, hidden), nn.ReLU(), nn.Linear(hidden, channels)
        )
        self.positions = SpatialGate()

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        scores = self.shared(x.mean(dim=(2, 3))) + self.shared(x.amax(dim=(2, 3)))
        return self.positions(x * torch.sigmoid(scores)[:, :, None, None])


class EfficientChannelAttention(nn.Module):
    """Weighs each channel by its neighbours: one 1-D convolution, no bottleneck. Its width grows
    with the logarithm of the number of channels (Wang et al., CVPR 2020)."""

    def __init__(self, channels: int, gamma: float = 2, b: float = 1):
        super().__init__()
        width = int(abs(math.log2(channels) + b) / gamma)
        width += 1 - width % 2  # the nearest odd number, upwards
        self.convolution = nn.Conv1d(1, 1, width, padding=width // 2, bias=False)

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        scores = self.convolution(x.mean(dim=(2, 3))[:, None, :])
        return x * torch.sigmoid(scores)[:, 0, :, None, None]


class TripletAttention(nn.Module):
    """Three spatial gates, over each pair of channel, height and width, averaged
    (Misra et al., WACV 2021)."""

    def __init__(self, channels: int):
        super().__init__()
        self.gates = nn.ModuleList(SpatialGate() for _ in range(3))

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        by_position, by_height, by_width = self.gates
        total = by_position(x)
        total = total + by_height(x.transpose(1, 2)).transpose(1, 2)
        total = total + by_width(x.transpose(1, 3)).transpose(1, 3)
        return total / 3


def no_attention(channels: int) -> nn.Module:
    """The network as it is."""
    return nn.Identity()


MODULES = {
    "none": no_attention,
    "se": SqueezeExcitation,
    "cbam": CBAM,
    "eca": EfficientChannelAttention,
    "triplet": TripletAttention,
}
