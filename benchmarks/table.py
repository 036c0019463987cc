"""Times the steps that an experiment is made of, each beside a plain implementation of the same in the same process.

python -m benchmarks.table                          SeqGAN's own setting, as a table
python -m benchmarks.table --json out.json --threads 2
python -m benchmarks.table --only "adversarial step" --no-reference

Absolute times are those of this machine at this hour. The ratio to the reference holds from one machine to another.
"""

from __future__ import annotations

import argparse
import json
import platform
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from dataclasses import asdict, dataclass

import numpy as np
import torch

from benchmarks import reference
from benchmarks.timing import Timed, timed
from textgan import bleu, devices
from textgan.discriminators.text_cnn import TextCnn
from textgan.estimators.rollout import Rollout
from textgan.generators.lstm import Lstm
from textgan.losses.bce import Bce
from textgan.objectives import Adversarial, Discriminate, Likelihood
from textgan.optimizers import adam
from textgan.rewards.verdict import Verdict
from textgan.training import Mover, Turn, play
from textgan.types import Batch, Samples, Vocabulary

WIDTHS = (1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 15, 20)
FILTERS = (100, 200, 200, 200, 200, 100, 100, 100, 100, 100, 160, 160)


@dataclass(frozen=True)
class Size:
    """V words, T positions, B sequences, N roll-outs; SeqGAN's by default."""

    words: int = 5000
    length: int = 20
    rows: int = 64
    rollouts: int = 16


@dataclass(frozen=True)
class Row:
    """A step, its time, that of the plain implementation, and what was aimed at on two CPU threads."""

    name: str
    ours: Callable[[], object]
    plain: Callable[[], object] | None = None
    target: float | None = None


def rows(size: Size, device: torch.device) -> Iterator[Row]:
    """Everything that is timed."""
    vocab = Vocabulary(size.words, bos=0, eos=None, pad=0)
    generator = Lstm(vocab, 32, 32).to(device)
    judge = TextCnn(vocab, 64, WIDTHS, FILTERS, dropout=0.25).to(device).eval()
    loss, estimator = Bce(), Rollout(generator, size.rollouts, "none", "sum")
    real = torch.randint(size.words, (size.rows, size.length), device=device)
    batch = Batch(real, torch.ones_like(real, dtype=torch.bool), torch.zeros_like(real, dtype=torch.bool))
    batches = iter(lambda: batch, None)
    writer = Mover(
        generator, list(generator.parameters()), adam([p for p in generator.parameters() if p.requires_grad]), 5.0
    )
    reader = Mover(judge, list(judge.parameters()), adam(judge.parameters(), 1e-4))
    fixed = list(judge.parameters())

    plain = reference.PlainLstm(size.words, 32, 32)
    critic = reference.PlainCnn(size.words, 64, list(WIDTHS), list(FILTERS))
    plain_writer, plain_reader = torch.optim.Adam(plain.parameters(), 1e-2), torch.optim.Adam(critic.parameters(), 1e-4)
    ours_real = real.cpu()

    adversarial = Turn(Adversarial(generator, estimator, Verdict(judge, loss)), [writer], fixed)
    yield Row(
        "adversarial step",
        lambda: play(adversarial, batches),
        lambda: reference.adversarial_step(plain, critic, plain_writer, size.rows, size.length, size.rollouts),
        1.0,
    )
    samples = generator.sample(Batch.blank(size.rows, size.length, device))
    yield Row("  of it: roll-outs", torch.no_grad()(lambda: list(generator.rollouts(samples, size.rollouts))))
    many = Samples(
        *(
            torch.cat([part] * (size.rollouts * (size.length - 1)))
            for part in (samples.x, samples.valid, samples.chosen)
        )
    )
    yield Row("  of it: scoring them", lambda: judge.score(many))
    learning = Turn(Discriminate(generator, judge, loss, estimator), [reader])
    fakes = samples
    estimator.fakes = lambda *_: fakes  # type: ignore[method-assign]
    yield Row(
        f"discriminator step, {size.rows} + {size.rows}",
        lambda: play(learning, batches),
        lambda: reference.discriminator_step(critic, plain_reader, ours_real, fakes.x.cpu()),
        0.020,
    )
    likelihood = Turn(Likelihood(generator), [writer])
    yield Row(
        "likelihood step",
        lambda: play(likelihood, batches),
        lambda: reference.likelihood_step(plain, plain_writer, ours_real),
        0.010,
    )
    yield Row(
        "sample 10,000",
        torch.no_grad()(lambda: generator.sample(Batch.blank(10_000, size.length, device))),
        lambda: plain.sample(10_000, size.length),
        0.8,
    )
    words = np.random.default_rng(0).integers(0, 4700, (20_000, 11))
    texts = [" ".join(map(str, row)) for row in words]
    yield Row(
        "BLEU-2..5, 10,000 against 10,000", lambda: bleu.sentence_bleu(texts[:10_000], texts[10_000:], 5), None, 0.15
    )
    yield Row("self-BLEU-2..5 of 10,000", lambda: bleu.leave_one_out(texts[:10_000], 5), None, 0.15)
    yield Row("start-up to the first step", _start_up, None, 4.0)


def _start_up() -> float:
    """From the command to the end of a run of one step, less nothing: imports, data and tokenizer included."""
    settings = ("phases.pretrain-d=null", "phases.adversarial=null", "phases.pretrain-g.steps=1", "controls=null")
    command = [sys.executable, "-m", "textgan", "check", "seqgan", *settings]
    subprocess.run(command, check=True, capture_output=True)
    began = time.perf_counter()
    subprocess.run([sys.executable, "-c", FIRST_STEP], check=True, capture_output=True)
    return time.perf_counter() - began


FIRST_STEP = """
from textgan import recipe
from textgan.build import build
from textgan.training import train
run = build(recipe.load("seqgan"))
next(train(run.phases, run.batches))
"""


def main() -> int:
    """Prints the table; writes JSON where asked."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    for name, value in asdict(Size()).items():
        parser.add_argument(f"--{name}", type=int, default=value)
    parser.add_argument("--threads", type=int, default=2)
    parser.add_argument("--seconds", type=float, default=3.0, help="for each row")
    parser.add_argument("--device", default="cpu")
    parser.add_argument("--only", help="rows whose name holds this")
    parser.add_argument("--no-reference", action="store_true")
    parser.add_argument("--json", help="also write it there")
    given = parser.parse_args()
    torch.set_num_threads(given.threads)
    devices.keep_memory()
    size = Size(given.words, given.length, given.rows, given.rollouts)
    processor = platform.processor() or platform.machine()
    machine = f"{processor}, {given.threads} threads, torch {torch.__version__}, {given.device}"
    print(f"{machine}; V {size.words}, T {size.length}, B {size.rows}, N {size.rollouts}\n")
    print(f"{'':36}{'median':>10}  {'middle half':>19}{'plain':>10}{'ratio':>8}{'aim':>9}")
    found = []
    for row in rows(size, torch.device(given.device)):
        if given.only and given.only not in row.name:
            continue
        ours = timed(row.ours, given.seconds)
        plain = timed(row.plain, 0.0, 1) if row.plain and not given.no_reference else None
        found.append({"name": row.name.strip(), "ours": asdict(ours), "plain": asdict(plain) if plain else None})
        print(_line(row, ours, plain), flush=True)
    if given.json:
        with open(given.json, "w", encoding="utf-8") as file:
            json.dump({"machine": machine, "size": asdict(size), "rows": found}, file, indent=2)
    return 0


def _line(row: Row, ours: Timed, plain: Timed | None) -> str:
    beside = f"{_seconds(plain.median):>10}{plain.median / ours.median:>7.1f}x" if plain else " " * 18
    aim = f"{_seconds(row.target):>9}" if row.target else ""
    return f"{row.name:36}{_seconds(ours.median):>10}  {_seconds(ours.low):>8} to {_seconds(ours.high):>8}{beside}{aim}"


def _seconds(value: float) -> str:
    return f"{value:.2f} s" if value >= 1 else f"{value * 1e3:.1f} ms"


if __name__ == "__main__":
    sys.exit(main())
