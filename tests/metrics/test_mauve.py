from __future__ import annotations

import numpy as np
import pytest
import torch

from textgan.core.errors import UserError
from textgan.metrics.base import Evaluation
from textgan.metrics.mauve import Mauve, area, k_means
from textgan.testing import tiny_corpus


def test_the_area_of_known_histograms() -> None:
    """Equal histograms have area 1; for disjoint ones, r = λp + (1-λ)q gives a known curve."""
    p = np.array([0.2, 0.3, 0.5])
    assert area(p, p) == pytest.approx(1)
    tiny = 1e-12
    disjoint = area(np.array([1 - tiny, tiny]), np.array([tiny, 1 - tiny]))
    # exp(5 log(1-λ)) against exp(5 log λ): the integral of (1 - x^(1/5))^5 is 5! 5! / 10!.
    assert disjoint == pytest.approx(120 * 120 / 3628800, abs=2e-3)
    one, other = np.array([0.6, 0.3, 0.1]), np.array([0.3, 0.3, 0.4])
    assert disjoint < area(one, other) < 1
    assert area(one, other) == pytest.approx(area(other, one))


def test_k_means_finds_separated_clusters() -> None:
    torch.manual_seed(0)
    centres = torch.tensor([[0.0, 9.0], [9.0, 0.0], [-9.0, -9.0]])
    points = (centres.repeat_interleave(30, 0) + torch.randn(90, 2))[torch.randperm(90)]
    best = max((k_means(points, 3, seed) for seed in range(5)), key=lambda found: len(found.unique()))
    truth = torch.cdist(points, centres).argmin(1)
    assert {(int(a), int(b)) for a, b in zip(best, truth, strict=True)}.__len__() == 3
    assert torch.equal(k_means(points, 3, 1), k_means(points, 3, 1))


@pytest.fixture(scope="module")
def metric() -> Mauve:
    return Mauve(steps=80, hidden_dim=32, clusters=30, seeds=3)


def test_it_ranks_known_texts(metric: Mauve, world) -> None:
    subjects, verbs = ("the dog", "a cat", "my hen", "an owl", "one fox"), ("sees", "likes", "hears", "bites")
    real = [f"{a} {v} {b}" for a in subjects for v in verbs for b in subjects] * 3
    values = {}
    for name, texts in {
        "real": real,
        "shuffled": [" ".join(reversed(text.split())) for text in real],
        "repeated": [real[0]] * len(real),
    }.items():
        values[name] = metric(world(texts, test=real[::-1], train=real))
    assert values["real"]["mauve"] > values["shuffled"]["mauve"] + 0.2
    assert values["real"]["mauve"] > values["repeated"]["mauve"] + 0.2
    assert values["real"]["mauve"] > 0.8
    assert values["real"]["mauve"] == pytest.approx(values["real"]["mauve_real"], abs=0.2)
    assert "seeds:3" in metric.signature()


def test_few_sentences_are_an_error(metric: Mauve) -> None:
    corpus = tiny_corpus()
    evaluation = Evaluation(None, corpus.test.batch, corpus.test.texts, corpus)  # type: ignore[arg-type]
    with pytest.raises(UserError, match="at least 40"):
        metric(evaluation)
