"""A convolutional text classifier with a highway layer: SeqGAN's discriminator."""

from __future__ import annotations

import math
from typing import ClassVar

import torch
from torch import Tensor, nn
from torch.nn import functional

from textgan.core.options import Literal, NonNegativeFloat, PositiveInt, Probability, Sequence
from textgan.core.roles import Discriminator
from textgan.core.types import Samples, Scores, Space, Vocabulary
from textgan.nn import spectral
from textgan.nn.embedding import embed
from textgan.nn.text_conv import TextConvolution
from textgan.ops.device import describe


class TextCnn(Discriminator):
    """A classifier: embedding, convolutions of several widths, max over time, highway, dropout, two classes.

    Kim 2014 (arXiv:1408.5882) with the highway layer of SeqGAN's released code, and L2 on the output layer only. The
    logit is the difference of the two classes' outputs, so sigmoid(logit) is the paper's softmax. Windows do not extend
    beyond the sentence. A sentence shorter than a filter is one window, padded with zeros. So padding has no effect.

    Args:
        embed_dim: size of the token embeddings; 64 in the paper.
        widths: filter widths in tokens; 1 to 10, 15 and 20 in the paper.
        filters: number of filters of each width: one number for all, or one each.
        dropout: rate before the output layer; 0.25 in the paper. Off when a generator's samples are scored.
        l2: weight of half the squared norm of the output layer; 0.2 in the paper.
        init: how parameters are initialised. "highway_carry": embeddings U(-1, 1), weights truncated N(0, 0.1), biases
            0.1, except the highway gate's, which are -2, so that the highway first carries its input (Srivastava et al.
            2015, arXiv:1505.00387). "glorot", as in SeqGAN's released code: the same, but the highway's weights and
            biases by Glorot & Bengio 2010, U(-b, b) with b = sqrt(3 / filters). "uniform", as in RankGAN's released
            code: embeddings, filters and their biases U(-0.1, 0.1), the highway by Glorot.
        spectral_norm: divides the weights of every layer, embedding included, by their largest singular value, so that
            scores change little where text does (Miyato et al. 2018, arXiv:1802.05957). Windows overlap and the highway
            multiplies, so a slope of at most 1 is not guaranteed.
    """

    input_spaces: ClassVar[frozenset[Space]] = frozenset({"ids", "simplex"})
    capabilities: ClassVar[frozenset[str]] = frozenset({"features", "double_backward"})

    def __init__(
        self,
        vocab: Vocabulary,
        embed_dim: PositiveInt = 64,
        widths: Sequence[PositiveInt] = (1, 2, 3, 4, 5, 6, 8, 10),
        filters: PositiveInt | Sequence[PositiveInt] = 64,
        dropout: Probability = 0.25,
        l2: NonNegativeFloat = 0.2,
        init: Literal["highway_carry", "glorot", "uniform"] = "highway_carry",
        spectral_norm: bool = False,
    ) -> None:
        super().__init__()
        each = [filters] * len(widths) if isinstance(filters, int) else list(filters)
        if len(each) != len(widths):
            raise ValueError(
                f"filters={each}: {len(each)} numbers for {len(widths)} widths; expected one number, or one per width"
            )
        self.l2 = l2
        self.embedding = nn.Embedding(vocab.size, embed_dim)
        self.convolution = TextConvolution(embed_dim, tuple(widths), tuple(each))
        size = sum(each)
        self.transform, self.gate = nn.Linear(size, size), nn.Linear(size, size)
        self.dropout = nn.Dropout(dropout)
        self.output = nn.Linear(size, 2)
        self._initialise(init)
        if spectral_norm:
            spectral.normalise(self)

    def _initialise(self, init: str) -> None:
        """Initialises all parameters; see `init`."""
        highway = (self.transform, self.gate)
        nn.init.uniform_(self.embedding.weight, -1.0, 1.0)
        for layer in (*self.convolution.filters, *highway, self.output):
            assert isinstance(layer, nn.Linear)
            nn.init.trunc_normal_(layer.weight, std=0.1, a=-0.2, b=0.2)
            nn.init.constant_(layer.bias, 0.1)
        nn.init.constant_(self.gate.bias, -2.0)
        if init == "highway_carry":
            return
        for layer in highway:
            bound = math.sqrt(3 / layer.out_features)
            nn.init.xavier_uniform_(layer.weight)
            nn.init.uniform_(layer.bias, -bound, bound)
        if init == "uniform":
            for parameter in (self.embedding.weight, *self.convolution.parameters()):
                nn.init.uniform_(parameter, -0.1, 0.1)

    def forward(self, samples: Samples) -> Scores:
        return self._classify(self._pooled(samples))

    def score(self, samples: Samples) -> Scores:
        with torch.no_grad():
            pooled = self._pooled(samples)
            rows = max(1, 2 * describe(pooled.device).max_logits // max(1, pooled.shape[1]))
            parts = [self._classify(chunk) for chunk in pooled.split(rows)]  # chunks that fit the cache
            return Scores(torch.cat([p.logits for p in parts]), torch.cat([p.weight for p in parts]))

    def features(self, samples: Samples) -> Tensor:
        """Returns the output of the highway layer, [B,F]."""
        return self._highway(self._pooled(samples))

    def penalty(self) -> Tensor:
        weight, bias = self.output.weight, self.output.bias
        return self.l2 * 0.5 * (weight.square().sum() + bias.square().sum())

    def _pooled(self, samples: Samples) -> Tensor:
        """Computes the max-pooled convolutions, [B,F], by table look-ups if gradients are disabled."""
        if not torch.is_grad_enabled():
            return self.convolution.score_ids(self.embedding.weight, samples.x, samples.valid)
        return self.convolution.forward(embed(samples.x, self.embedding.weight), samples.valid)

    def _highway(self, pooled: Tensor) -> Tensor:
        """Computes gate * relu(transform) + (1 - gate) * pooled, [B,F]."""
        return torch.lerp(pooled, functional.relu(self.transform(pooled)), self.gate(pooled).sigmoid())

    def _classify(self, pooled: Tensor) -> Scores:
        outputs = self.output(self.dropout(self._highway(pooled)))  # [B,2]
        logits = outputs[:, 1:] - outputs[:, :1]  # [B,1]
        return Scores(logits, torch.ones_like(logits))
