"""What both networks share: how their weights begin."""

from __future__ import annotations

from torch import nn

DEVIATION = 0.02


def initialise(network: nn.Module, init: str) -> None:
    """Draw new weights; biases begin at zero.

    Args:
        network: its dense layers and convolutions are drawn, its normalisation is left as it is.
        init: see `DcganConfig`.
    """
    for layer in network.modules():
        if isinstance(layer, nn.Linear | nn.Conv2d | nn.ConvTranspose2d):
            if init == "glorot":
                nn.init.xavier_uniform_(layer.weight)
            else:
                nn.init.normal_(layer.weight, std=DEVIATION)
            if layer.bias is not None:
                nn.init.zeros_(layer.bias)
