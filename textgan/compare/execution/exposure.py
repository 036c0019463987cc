"""Measures exposure bias: NLL by position for free samples, for continuations of real prefixes and for real text.

A model trained by likelihood is conditioned on real tokens in training, and on its own tokens when it generates. If
its errors accumulate, its free samples get less likely from position to position, and its continuations of real
prefixes do not. Both are scored by a language model of the training text, the same for all methods with one seed. The
design, with continuations of real prefixes as the reference, follows He et al. (2021, arXiv:1905.10617).
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
"""Optimizer steps of the evaluator language model."""
STRIDE = 4
"""Number of positions scored after each real prefix, and the difference in length between prefixes."""
FOLDER, FILE = "evaluator_lm", "evaluator_lm.safetensors"


def evaluator_lm(corpus: Corpus, folder: Path) -> LanguageModel:
    """Returns the language model of the training text: trained once per corpus, then read from the folder.

    Where data are sampled with the run's seed, each seed has its own corpus, token ids and language model.

    Args:
        corpus: the corpus; its training text is the model's.
        folder: the comparison's folder, in which the model is saved.

    Returns:
        The model in evaluation mode, on the CPU.
    """
    model = LanguageModel(corpus.vocab.size)
    home = folder / FOLDER / corpus.fingerprint()[:16]
    file = home / FILE
    if file.is_file():
        model.load_state_dict(load_file(file))
        return model.eval()
    with stream(0, "judge"):  # words: ok; the name selects the random numbers
        model = LanguageModel(corpus.vocab.size)
        model.fit(corpus.train.batch.tokens, corpus.train.batch.valid, STEPS)
    with writing(home) as temporary:
        save_file(model.state_dict(), temporary / FILE)
    return model


@torch.no_grad()
def drift(
    generator: Generator, corpus: Corpus, evaluator: LanguageModel, count: int, seed: int
) -> Mapping[str, Sequence[float | None]]:
    """Computes the mean NLL at each position under the evaluator, in nats per token.

    Args:
        generator: the generator to measure.
        corpus: its test text supplies the prefixes and the real curve.
        evaluator: language model of the training text, on the CPU.
        count: number of free samples, and the largest number of test sentences.
        seed: seed of the samples.

    Returns:
        Three curves of `corpus.max_len` values each; a value is None where no text reaches the position.

        - "free": samples generated from scratch;
        - "continuation": the first tokens generated after a real prefix, up to STRIDE of them;
        - "real": test text.
    """
    device = next(generator.parameters()).device
    test = corpus.test.batch[:count]
    length = corpus.max_len
    with stream(seed, "exposure"):
        free = generator.decode(generator.sample(Batch.blank(count, length, device)))
        free_nll, _ = evaluator(free.x.cpu(), free.valid.cpu())
        total, tokens = torch.zeros(length, dtype=torch.double), torch.zeros(length, dtype=torch.double)
        for start in range(0, length, STRIDE):
            longer = test[test.valid[:, start]]
            if not len(longer):
                break
            given = (torch.arange(length) < start).expand(longer.valid.shape) & longer.valid
            samples = generator.decode(generator.sample(Batch(longer.tokens, longer.valid, given).to(device)))
            nll, _ = evaluator(samples.x.cpu(), samples.valid.cpu())
            window = slice(start, start + STRIDE)
            total[window] += nll[:, window].double().sum(0)
            tokens[window] += samples.valid.cpu()[:, window].sum(0)
        real_nll, _ = evaluator(test.tokens, test.valid)
    return {
        "free": _means(free_nll.double().sum(0), free.valid.cpu().sum(0)),
        "continuation": _means(total, tokens),
        "real": _means(real_nll.double().sum(0), test.valid.sum(0)),
    }


def _means(total: Tensor, count: Tensor) -> list[float | None]:
    return [float(t / c) if c else None for t, c in zip(total, count, strict=True)]
