"""Spectral normalisation: layers that cannot magnify."""

from __future__ import annotations

from torch import nn
from torch.nn.utils import parametrizations


def normalise(module: nn.Module) -> None:
    """Divides the weight of each linear layer and embedding inside by its largest singular value, whenever it is read.

    Miyato et al. 2018 (arXiv:1802.05957). The singular value is followed by one power iteration for each reading in
    training mode; in evaluation mode it stays what it is. What is learned is the undivided weight, and the vectors of
    the iteration are saved with it. Call it once the weights have their first values.
    """
    for layer in list(module.modules()):
        if isinstance(layer, nn.Linear | nn.Embedding):
            parametrizations.spectral_norm(layer)
