"""MaskGAN's generator: fills in the blanks of a text, conditioned on all tokens that are given."""

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
from textgan_plugins.maskgan.seq2seq import (
    Attention,
    BidirectionalEncoder,
    BlankEmbedding,
    InitialState,
    LockedDropout,
    append_memory,
    token_embedding,
)

State = tuple[Tensor, Tensor, Tensor, Tensor, Tensor]


class Infill(Autoregressive):
    """Encodes a text with blanks, then generates it from left to right with attention; given tokens are kept.

    The generator of MaskGAN (Fedus et al. 2018, arXiv:1801.07736): pi(y_t | y_<t, m(x)), where m(x) is the text with a
    blank for each token that is not given. Padding is blank, too, so the length is known only if the end is given. No
    blank is filled with the end-of-sequence token while given tokens follow. A text that is all blanks is generated
    without a prompt.

    The encoder reads from both sides; the paper's reads from the left.

    Args:
        embed_dim: size of the token embeddings.
        hidden_dim: size of the encoder's features and of the decoder's state, an even number.
        layers: number of LSTM layers of each; 2 in the paper.
        dropout: rate on embeddings and features while training by likelihood, one mask for a whole text.
        tied: whether inputs and outputs share one embedding table, as in the paper; the features then have its size.
        aligned: whether the decoder also reads the encoder's features of the position that it fills. Without it,
            attention must find that position, as in the paper.
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
        self.embedding = token_embedding(vocab.size, embed_dim)
        self.blank_embedding = BlankEmbedding(embed_dim)
        self.encoder = BidirectionalEncoder(embed_dim, hidden_dim, layers)
        self.initial_state = InitialState(hidden_dim, layers)
        self.decoder = LSTM(embed_dim + aligned * hidden_dim, hidden_dim, layers)
        self.attention = Attention(hidden_dim, embed_dim if tied else hidden_dim)
        self.output_embedding = self.embedding if tied else token_embedding(vocab.size, hidden_dim)
        self.bias = nn.Parameter(torch.zeros(vocab.size))
        self.dropout = LockedDropout(dropout)
        self.logit_mask: Tensor  # [V]
        self.end_mask: Tensor  # [V,1]
        end_mask = torch.zeros(vocab.size, 1)
        end_mask[[] if vocab.eos is None else [vocab.eos]] = FORBIDDEN
        self.register_buffer("logit_mask", logit_mask(vocab), persistent=False)
        self.register_buffer("end_mask", end_mask, persistent=False)

    def start(self, batch: Batch) -> State:
        """Encodes the given tokens and returns the decoder's initial state.

        Returns:
            The hidden state and the cell, [B,L,H] each; the encoder's features of each position (memory), [B,T,H];
            whether given tokens follow a position, [B,T] bool; and the position to generate next, [B].
        """
        embedded = self.blank_embedding(embed(batch.tokens, self.embedding.weight), batch.given)
        memory, whole = self.encoder(self.dropout(embedded), torch.ones_like(batch.given))
        given_from_here = batch.given.flip(1).cumsum(1).flip(1)  # [B,T], number of given tokens
        followed = given_from_here > batch.given
        return *self.initial_state(whole), memory, followed, torch.zeros_like(batch.tokens[:, 0])

    def read(self, inputs: Tensor, state: State) -> tuple[Tensor, State]:
        hidden, cell, memory, followed, next_position = state
        offset = torch.arange(inputs.shape[1], device=inputs.device)
        position = (next_position.unsqueeze(1) + offset).clamp_max(memory.shape[1] - 1)  # [R,S]
        embedded = self.dropout(embed(inputs, self.embedding.weight))
        if self.aligned:
            embedded = append_memory(embedded, memory, position)
        hidden, cell = (part.transpose(0, 1).contiguous() for part in (hidden, cell))  # [L,R,H]
        decoded, (hidden, cell) = self.decoder(embedded, (hidden, cell))
        features = self.dropout(self.attention(decoded, memory, torch.ones_like(followed)))
        features = torch.cat([features, followed.gather(1, position).unsqueeze(2).to(features)], 2)  # [R,S,F+1]
        return features, (hidden.transpose(0, 1), cell.transpose(0, 1), memory, followed, next_position + len(offset))

    @property
    def head(self) -> LinearHead:
        """Masks the end-of-sequence id where given tokens follow, which the last feature says."""
        return LinearHead(torch.cat([self.output_embedding.weight, self.end_mask], 1), self.bias + self.logit_mask)
