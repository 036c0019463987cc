"""MaskGAN's discriminator: a verdict on each word that was filled in, knowing which words were given."""

from __future__ import annotations

from typing import ClassVar, Literal

import torch
from torch import Tensor, nn

from textgan.nn.embedding import embed
from textgan.nn.lstm import LSTM
from textgan.options import PositiveInt, Probability
from textgan.roles import Discriminator
from textgan.types import Samples, Scores, Space, Vocabulary
from textgan_plugins.maskgan.seq2seq import Attention, LockedDropout, Masked, Reader, Start, beside, word_vectors


class TokenAttention(Discriminator):
    """Reads the text with blanks, then the filled text from left to right with attention; judges each filled word.

    The discriminator of MaskGAN (Fedus et al. 2018, arXiv:1801.07736), of the generator's shape. It reads m(x) because
    "the director director guided the series" has one word too many, and only what was given tells which. A verdict
    depends on the words up to its own and on all that is given. The paper's formula has the whole filled text there,
    its released code the words so far. We follow the code: then no later choice of the generator changes what an
    earlier one is paid, which the sum of rewards from a word on takes for granted.

    The encoder reads from both sides, where the paper's reads from the left. Given words and padding have no verdict
    that counts.

    Args:
        embed_dim: size of a word's embedding.
        hidden_dim: size of the encoder's and of the decoder's state, an even number.
        layers: LSTM layers of each; 2 in the paper.
        dropout: rate on embeddings and features while it learns, one pattern for a whole text. Off whenever a
            generator is scored.
        aligned: the decoder also reads what the encoder says of the very place that it judges.
    """

    input_spaces: ClassVar[frozenset[Space]] = frozenset({"ids", "simplex"})
    granularity: ClassVar[Literal["sequence", "token"]] = "token"

    def __init__(
        self,
        vocab: Vocabulary,
        embed_dim: PositiveInt = 64,
        hidden_dim: PositiveInt = 64,
        layers: PositiveInt = 1,
        dropout: Probability = 0.0,
        aligned: bool = True,
    ) -> None:
        super().__init__()
        self.aligned = aligned
        self.embedding = word_vectors(vocab.size, embed_dim)
        self.masked = Masked(embed_dim)
        self.encoder = Reader(embed_dim, hidden_dim, layers)
        self.begin = Start(hidden_dim, layers)
        self.decoder = LSTM(embed_dim + aligned * hidden_dim, hidden_dim, layers)
        self.attention = Attention(hidden_dim, hidden_dim)
        self.dropout = LockedDropout(dropout)
        self.output = nn.Linear(hidden_dim, 1)

    def forward(self, samples: Samples) -> Scores:
        valid, chosen = samples.valid, samples.chosen
        text = embed(samples.x, self.embedding.weight)  # [B,T,E]
        memory, whole = self.encoder(self.dropout(self.masked(text, valid & ~chosen)), valid)
        vectors = self.dropout(text)
        if self.aligned:
            place = torch.arange(valid.shape[1], device=valid.device).expand_as(valid)
            vectors = beside(vectors, memory, place)
        hidden, cell = (part.transpose(0, 1).contiguous() for part in self.begin(whole))  # [L,B,H]
        read, _ = self.decoder(vectors, (hidden, cell))
        logits: Tensor = self.output(self.dropout(self.attention(read, memory, valid))).squeeze(2)  # [B,T]
        return Scores(torch.where(valid, logits, 0.0), chosen.to(logits))
