"""MaskGAN's generator: fills in the blanks of a text, in the light of everything that is given."""

from __future__ import annotations

from typing import ClassVar

import torch
from torch import Tensor, nn

from textgan.generation.autoregressive import Autoregressive
from textgan.nn.embedding import embed
from textgan.nn.lm_head import LinearHead
from textgan.nn.logit_mask import FORBIDDEN, logit_mask
from textgan.nn.lstm import LSTM
from textgan.options import PositiveInt, Probability
from textgan.types import Batch, Vocabulary
from textgan_plugins.maskgan.seq2seq import Attention, LockedDropout, Masked, Reader, Start, beside, word_vectors

State = tuple[Tensor, Tensor, Tensor, Tensor, Tensor]


class Infill(Autoregressive):
    """Reads a text with blanks, then writes it from left to right with attention; given words are kept.

    The generator of MaskGAN (Fedus et al. 2018, arXiv:1801.07736): pi(y_t | y_<t, m(x)), m(x) being the text with a
    blank in the place of each word that is not given. Padding is blank too, so the length shows only where the end is
    given. No blank is filled with the end of the sentence while given words follow. A text that is all blanks is
    written from nothing.

    The encoder reads from both sides, where the paper's reads from the left.

    Args:
        embed_dim: size of a word's embedding.
        hidden_dim: size of the encoder's and of the decoder's state, an even number.
        layers: LSTM layers of each; 2 in the paper.
        dropout: rate on embeddings and features while training by likelihood, one pattern for a whole text.
        tied: read and write with the same word embeddings, as in the paper; the features have their size.
        aligned: the decoder also reads what the encoder says of the very place that it fills. Without it, attention
            has to find that place, as in the paper.
    """

    capabilities: ClassVar[frozenset[str]] = frozenset(
        {"log_prob", "rollouts", "relaxed", "incremental", "inputs", "infilling"}
    )

    def __init__(
        self,
        vocab: Vocabulary,
        embed_dim: PositiveInt = 64,
        hidden_dim: PositiveInt = 64,
        layers: PositiveInt = 1,
        dropout: Probability = 0.0,
        tied: bool = True,
        aligned: bool = True,
    ) -> None:
        super().__init__()
        self.vocab, self.aligned = vocab, aligned
        self.embedding = word_vectors(vocab.size, embed_dim)
        self.masked = Masked(embed_dim)
        self.encoder = Reader(embed_dim, hidden_dim, layers)
        self.begin = Start(hidden_dim, layers)
        self.decoder = LSTM(embed_dim + aligned * hidden_dim, hidden_dim, layers)
        self.attention = Attention(hidden_dim, embed_dim if tied else hidden_dim)
        self.words = self.embedding if tied else word_vectors(vocab.size, hidden_dim)
        self.bias = nn.Parameter(torch.zeros(vocab.size))
        self.dropout = LockedDropout(dropout)
        self.logit_mask: Tensor  # [V]
        self.end: Tensor  # [V,1]
        end = torch.zeros(vocab.size, 1)
        end[[] if vocab.eos is None else [vocab.eos]] = FORBIDDEN
        self.register_buffer("logit_mask", logit_mask(vocab), persistent=False)
        self.register_buffer("end", end, persistent=False)

    def start(self, batch: Batch) -> State:
        """Hidden and cell [B,L,H]; what the encoder says of each place [B,T,H]; where given words follow [B,T]; the
        place that is written next [B]."""
        text = self.masked(embed(batch.tokens, self.embedding.weight), batch.given)
        memory, whole = self.encoder(self.dropout(text), torch.ones_like(batch.given))
        from_here = batch.given.flip(1).cumsum(1).flip(1)
        return *self.begin(whole), memory, from_here > batch.given, torch.zeros_like(batch.tokens[:, 0])

    def read(self, inputs: Tensor, state: State) -> tuple[Tensor, State]:
        hidden, cell, memory, followed, next_place = state
        step = torch.arange(inputs.shape[1], device=inputs.device)
        place = (next_place.unsqueeze(1) + step).clamp_max(memory.shape[1] - 1)  # [R,S]
        vectors = self.dropout(embed(inputs, self.embedding.weight))
        if self.aligned:
            vectors = beside(vectors, memory, place)
        hidden, cell = (part.transpose(0, 1).contiguous() for part in (hidden, cell))  # [L,R,H]
        written, (hidden, cell) = self.decoder(vectors, (hidden, cell))
        features = self.dropout(self.attention(written, memory, torch.ones_like(followed)))
        features = torch.cat([features, followed.gather(1, place).unsqueeze(2).to(features)], 2)  # [R,S,F+1]
        return features, (hidden.transpose(0, 1), cell.transpose(0, 1), memory, followed, next_place + len(step))

    @property
    def head(self) -> LinearHead:
        """The last of the features says whether given words follow; then the end-of-sequence id is masked."""
        return LinearHead(torch.cat([self.words.weight, self.end], 1), self.bias + self.logit_mask)
