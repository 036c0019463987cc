from __future__ import annotations

from support.worlds import World
from torch import Tensor

from textgan.data.interfaces import Oracle
from textgan.metrics.grammatical import Grammatical


class ThreeWords(Oracle):
    """The language of all sentences of three words."""

    entropy = 0.0

    def log_prob(self, tokens: Tensor, valid: Tensor) -> Tensor:
        raise NotImplementedError

    def grammatical(self, tokens: Tensor, valid: Tensor) -> Tensor:
        return valid.sum(1) == 4  # the end counts


def test_the_share_of_samples_in_the_language(world: World) -> None:
    measured = Grammatical()(world(["a b c", "a b", "c c c", "d e f"], oracle=ThreeWords()))
    assert measured == {"grammatical": 0.75}
    assert Grammatical.requires == {"grammar"}
    assert Grammatical().better() == {"grammatical": "higher"}
