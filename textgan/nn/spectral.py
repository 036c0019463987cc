"""Applies spectral normalization, which bounds the Lipschitz constant of layers by 1."""

from __future__ import annotations

from torch import nn
from torch.nn.utils import parametrizations


def normalise(module: nn.Module) -> None:
    """Divides the weight of each linear layer and embedding in a module by its largest singular value.

    Miyato et al. 2018 (arXiv:1802.05957). In training mode, each access to the weight updates the singular value by one
    power iteration; in evaluation mode it does not change. The learned parameter is the undivided weight; the vectors
    of the power iteration are saved with it.

    Args:
        module: changed in place. Initialise its weights first.
    """
    for layer in list(module.modules()):
        if isinstance(layer, nn.Linear | nn.Embedding):
            parametrizations.spectral_norm(layer)
