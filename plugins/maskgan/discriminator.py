"""MaskGAN's discriminator: scores each token that was filled in, conditioned on the tokens that were given."""

from __future__ import annotations

from typing import ClassVar, Literal

import torch
from torch import Tensor, nn

from textgan.nn.embedding import embed
from textgan.nn.lstm import LSTM
from textgan.options import PositiveInt, Probability
from textgan.roles import Discriminator
from textgan.types import Samples, Scores, Space, Vocabulary
from textgan_plugins.maskgan.seq2seq import (
    Attention,
    BidirectionalEncoder,
    BlankEmbedding,
    InitialState,
    LockedDropout,
    append_memory,
    token_embedding,
)


class TokenAttention(Discriminator):
    """Encodes the text with blanks, then reads the filled text with attention and scores each filled token.

    The discriminator of MaskGAN (Fedus et al. 2018, arXiv:1801.07736), with the generator's architecture. It reads
    m(x), because "the director director guided the series" has one token too many, and only the given tokens tell which
    one. A score depends on the filled text up to its token, and on all given tokens. The paper's formula has the whole
    filled text instead; its released code has the text so far, as here. So later choices of the generator do not change
    the reward of an earlier one, which the sum of rewards from a token on presupposes.

    The encoder reads from both sides; the paper's reads from the left. Given tokens and padding have weight 0.

    Args:
        embed_dim: size of the token embeddings.
        hidden_dim: size of the encoder's features and of the decoder's state, an even number.
        layers: number of LSTM layers of each; 2 in the paper.
        dropout: rate on embeddings and features while training, one mask for a whole text. Off when a generator's
            samples are scored.
        aligned: whether the decoder also reads the encoder's features of the position that it scores.
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
        self.embedding = token_embedding(vocab.size, embed_dim)
        self.blank_embedding = BlankEmbedding(embed_dim)
        self.encoder = BidirectionalEncoder(embed_dim, hidden_dim, layers)
        self.initial_state = InitialState(hidden_dim, layers)
        self.decoder = LSTM(embed_dim + aligned * hidden_dim, hidden_dim, layers)
        self.attention = Attention(hidden_dim, hidden_dim)
        self.dropout = LockedDropout(dropout)
        self.output = nn.Linear(hidden_dim, 1)

    def forward(self, samples: Samples) -> Scores:
        valid, chosen = samples.valid, samples.chosen
        text = embed(samples.x, self.embedding.weight)  # [B,T,E]
        memory, whole = self.encoder(self.dropout(self.blank_embedding(text, valid & ~chosen)), valid)
        embedded = self.dropout(text)
        if self.aligned:
            position = torch.arange(valid.shape[1], device=valid.device).expand_as(valid)
            embedded = append_memory(embedded, memory, position)
        hidden, cell = (part.transpose(0, 1).contiguous() for part in self.initial_state(whole))  # [L,B,H]
        decoded, _ = self.decoder(embedded, (hidden, cell))
        logits: Tensor = self.output(self.dropout(self.attention(decoded, memory, valid))).squeeze(2)  # [B,T]
        return Scores(torch.where(valid, logits, 0.0), chosen.to(logits))
