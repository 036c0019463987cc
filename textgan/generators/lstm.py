"""The LSTM language model: the generator of SeqGAN and of most later text GANs."""

from __future__ import annotations

from torch import Tensor, nn

from textgan.core.options import PositiveFloat, PositiveInt, Probability
from textgan.core.types import Batch, Vocabulary
from textgan.generation.autoregressive import Autoregressive
from textgan.nn.embedding import embed
from textgan.nn.lm_head import LinearHead
from textgan.nn.logit_mask import logit_mask
from textgan.nn.lstm import LSTM

State = tuple[Tensor, Tensor]


class Lstm(Autoregressive):
    """An LSTM over token embeddings with a linear layer to the vocabulary.

    As in SeqGAN (Yu et al. 2017), all parameters, biases included, are initialised from N(0, init_std). PyTorch's LSTM
    has two bias vectors per gate where the paper has one; the second is frozen at zero.

    Args:
        embed_dim: size of the token embeddings.
        hidden_dim: size of the state.
        layers: number of LSTM layers.
        dropout: rate on embeddings and features while training by likelihood; 0 in the paper.
        init_std: standard deviation of the initial parameters; 0.1 in the paper.
    """

    def __init__(
        self,
        vocab: Vocabulary,
        embed_dim: PositiveInt = 32,
        hidden_dim: PositiveInt = 32,
        layers: PositiveInt = 1,
        dropout: Probability = 0.0,
        init_std: PositiveFloat = 0.1,
    ) -> None:
        super().__init__()
        self.vocab = vocab
        self.embedding = nn.Embedding(vocab.size, embed_dim)
        self.lstm = LSTM(embed_dim, hidden_dim, layers)
        self.output = nn.Linear(hidden_dim, vocab.size)
        self.dropout = nn.Dropout(dropout)
        self.logit_mask: Tensor
        self.register_buffer("logit_mask", logit_mask(vocab), persistent=False)
        for name, parameter in self.named_parameters():
            if "bias_hh" in name:
                nn.init.zeros_(parameter).requires_grad_(False)
            else:
                nn.init.normal_(parameter, std=init_std)

    def start(self, batch: Batch) -> State:
        zeros = self.output.weight.new_zeros(len(batch), self.lstm.num_layers, self.lstm.hidden_size)
        return zeros, zeros

    def read(self, inputs: Tensor, state: State) -> tuple[Tensor, State]:
        hidden, cell = (part.transpose(0, 1).contiguous() for part in state)  # [L,R,H]
        features, (hidden, cell) = self.lstm(self.dropout(embed(inputs, self.embedding.weight)), (hidden, cell))
        return self.dropout(features), (hidden.transpose(0, 1), cell.transpose(0, 1))

    @property
    def head(self) -> LinearHead:
        return LinearHead(self.output.weight, self.output.bias + self.logit_mask)
