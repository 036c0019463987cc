"""Exposure bias as a curve: how likely each position of a model's text is, and how likely it is behind real text.

A model trained by likelihood has only ever read real words; writing, it reads its own. If that makes it drift, its free
text gets worse from position to position where its continuations of real prefixes do not. Both are judged by a language
model of the training text, the same for all methods with one seed (He et al. 2021, arXiv:1905.10617, for the design:
continuations of real prefixes as the reference).
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path

import torch
from safetensors.torch import load_file, save_file
from torch import Tensor

from textgan.core.roles import Generator
from textgan.core.seeding import stream
from textgan.core.types import Batch
from textgan.data.corpus import Corpus
from textgan.nn.language_model import LanguageModel
from textgan.runs.atomic import writing

STEPS = 300
STRIDE = 4
"""Positions that are judged behind each real prefix, and by which prefixes grow."""
FOLDER, FILE = "evaluator_lm", "evaluator_lm.safetensors"


def evaluator_lm(corpus: Corpus, folder: Path) -> LanguageModel:
    """The language model of the training text, trained once for each corpus and kept in the comparison's folder.

    Where the data are drawn from the seed, each seed has a corpus, and ids, of its own.
    """
    model = LanguageModel(corpus.vocab.size)
    home = folder / FOLDER / corpus.fingerprint()[:16]
    file = home / FILE
    if file.is_file():
        model.load_state_dict(load_file(file))
        return model.eval()
    with stream(0, "judge"):
        model = LanguageModel(corpus.vocab.size)
        model.fit(corpus.train.batch.tokens, corpus.train.batch.valid, STEPS)
    with writing(home) as temporary:
        save_file(model.state_dict(), temporary / FILE)
    return model


@torch.no_grad()
def drift(
    generator: Generator, corpus: Corpus, evaluator: LanguageModel, count: int, seed: int
) -> Mapping[str, Sequence[float | None]]:
    """{"free", "behind", "real"}: nats at each position under the judge, on average; None where nothing stands.

    - "free": the model's own text from the start;
    - "behind": its words right behind a real prefix, up to STRIDE of them;
    - "real": held-out text.
    """
    device = next(generator.parameters()).device
    test = corpus.test.batch[:count]
    length = corpus.max_len
    with stream(seed, "exposure"):
        free = generator.decode(generator.sample(Batch.blank(count, length, device)))
        each, _ = evaluator(free.x.cpu(), free.valid.cpu())
        behind, reached = torch.zeros(length, dtype=torch.double), torch.zeros(length, dtype=torch.double)
        for start in range(0, length, STRIDE):
            longer = test[test.valid[:, start]]
            if not len(longer):
                break
            given = (torch.arange(length) < start).expand(longer.valid.shape) & longer.valid
            made = generator.decode(generator.sample(Batch(longer.tokens, longer.valid, given).to(device)))
            nll, _ = evaluator(made.x.cpu(), made.valid.cpu())
            here = slice(start, start + STRIDE)
            behind[here] += nll[:, here].double().sum(0)
            reached[here] += made.valid.cpu()[:, here].sum(0)
        real, _ = evaluator(test.tokens, test.valid)
    return {
        "free": _means(each.double().sum(0), free.valid.cpu().sum(0)),
        "behind": _means(behind, reached),
        "real": _means(real.double().sum(0), test.valid.sum(0)),
    }


def _means(total: Tensor, count: Tensor) -> list[float | None]:
    return [float(t / c) if c else None for t, c in zip(total, count, strict=True)]
