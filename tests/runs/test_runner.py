"""Whole runs, small: the folder, the table, the controls, and resuming to the same bytes."""

import json
import os
import signal
import subprocess
import sys
import time
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import pytest
import torch

import textgan
from textgan.runs import checkpoint, runner
from textgan import recipe
from textgan.runs.builder import build
from textgan.core.errors import Failure, UserError
from textgan.runs.run_dir import RunDir
from textgan.core.options import PositiveInt
from textgan.core.roles import Generator
from textgan.runs.reporter import ProgressReporter
from textgan.runs.signals import Stopped
from textgan.training.callbacks.base import Callback
from textgan.training.loop import Progress, RoundResult

SMALL = (
    "device=cpu", "data.sentences=300", "data.validation=30", "data.test=30", "evaluate.samples=30", "batch_size=16",
    "generator.embed_dim=8", "generator.hidden_dim=8", "discriminator.filters=4", "estimator.rollouts=2",
    "phases.pretrain-g.rounds=6", "phases.pretrain-g.evaluate=3", "phases.pretrain-d.rounds=2",
    "phases.adversarial.rounds=4", "phases.adversarial.evaluate=2", "log.every=1", "checkpoint.minutes=0",
    "phases.pretrain-d.turns.0.pool=48", "phases.adversarial.turns.1.pool=96",
)  # fmt: skip
ENDS = ("metrics.jsonl", "summary.json", "model/generator.safetensors")


def small(*settings: str) -> recipe.Recipe:
    return recipe.load("seqgan", [*SMALL, *settings])


def bytes_of(folder: Path) -> dict[str, bytes]:
    """What a run ends with: metrics, table, model, samples, weights; its controls' too."""
    names = [p for end in ENDS for p in folder.rglob(end)]
    names += [*folder.rglob("samples/*.txt"), *folder.rglob("weights.safetensors")]
    latest = {p.relative_to(folder).as_posix(): p.read_bytes() for p in names}
    return {
        name: content for name, content in latest.items() if "checkpoints" not in name or name.split("/")[-2] in ENDED
    }


ENDED = ("000006", "000008", "000012")  # the checkpoints that end phases: all others come and go with the clock


class StopAt(ProgressReporter):
    """Sends itself a signal after some round."""

    def __init__(self, index: int, number: int = signal.SIGINT) -> None:
        self.index, self.number, self.told = index, number, False

    def on_round_end(self, result: RoundResult) -> None:
        if step.progress.global_round == self.index and not self.told:
            os.kill(os.getpid(), self.number)

    def on_stop_requested(self) -> None:
        self.told = True


@pytest.fixture(scope="module")
def whole(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A run that nothing disturbed, controls included."""
    folder = tmp_path_factory.mktemp("runs") / "whole"
    runner.start(small(), folder)
    return folder


def test_the_folder_holds_what_it_says(whole: Path) -> None:
    for name in ("recipe.yaml", "recipe.given.yaml", "environment.json", "data.json", "metrics.jsonl", "log.txt"):
        assert (whole / name).stat().st_size > 0, name
    entries = RunDir(whole).entries()
    assert [e["step"] for e in entries if e["kind"] == "evaluation"] == [3, 6, 10, 12]
    assert {e["phase"] for e in entries} == {"pretrain-g", "pretrain-d", "adversarial"}
    assert all(
        isinstance(v, float) for e in entries for k, v in e.items() if k not in ("step", "round", "phase", "kind")
    )
    environment = json.loads((whole / "environment.json").read_text())
    assert environment["components"]["generator lstm"].startswith("textgan ")
    assert [p.name for p in RunDir(whole).saved()] == ["000006", "000008", "000010", "000011", "000012"]


def test_the_table_has_phases_and_controls(whole: Path) -> None:
    summary = json.loads((whole / "summary.json").read_text())
    assert list(summary["columns"]) == ["pretrain-g", "adversarial", "constant-reward", "continued-mle"]
    assert summary["better"]["nll_oracle"] == "lower"
    assert all({"nll_test", "nll_oracle", "grammatical", "bleu2"} <= set(c) for c in summary["columns"].values())


def test_controls_begin_at_the_checkpoint_up_to_which_they_are_alike(whole: Path) -> None:
    for name, begins in (("constant-reward", 8), ("continued-mle", 8)):
        entries = RunDir(whole / "controls" / name).entries()
        assert min(e["step"] for e in entries) == begins + 1
    constant = [e for e in RunDir(whole / "controls" / "constant-reward").entries() if e["kind"] == "train"]
    assert all(e["reward_mean"] == pytest.approx(0.3) for e in constant)


def test_the_same_recipe_gives_the_same_bytes(whole: Path, tmp_path: Path) -> None:
    runner.start(recipe.load(whole / "recipe.yaml"), tmp_path / "again")
    assert bytes_of(tmp_path / "again") == bytes_of(whole)


@pytest.mark.parametrize("index", [1, 6, 9])
def test_stopped_and_resumed_ends_with_the_same_bytes(whole: Path, tmp_path: Path, index: int) -> None:
    folder = tmp_path / "run"
    with pytest.raises(Stopped):
        runner.start(small(), folder, StopAt(index))
    assert RunDir(folder).saved()[-1].name == f"{index:06d}"
    runner.resume(folder)
    assert bytes_of(folder) == bytes_of(whole)


class StopInControl(StopAt):
    """Waits for the first control before it counts."""

    def on_control_start(self, name: str) -> None:
        self.told = False

    def __init__(self, index: int) -> None:
        super().__init__(index)
        self.told = True


def test_stopped_in_a_control_and_resumed_ends_with_the_same_bytes(whole: Path, tmp_path: Path) -> None:
    folder = tmp_path / "run"
    with pytest.raises(Stopped):
        runner.start(small(), folder, StopInControl(10))
    assert RunDir(folder / "controls/constant-reward").saved()[-1].name == "000010"
    assert not (folder / "controls/continued-mle").exists()
    runner.resume(folder)
    assert bytes_of(folder) == bytes_of(whole)


class ResumeMeanwhile(ProgressReporter):
    """While the run goes on, another process tries to go on with it."""

    def __init__(self) -> None:
        self.tried: subprocess.CompletedProcess[str] | None = None

    def on_checkpoint(self, path: Path) -> None:
        if self.tried is None:
            command = [sys.executable, "-m", "textgan", "run", "--resume", str(path.parents[1])]
            self.tried = subprocess.run(command, capture_output=True, text=True)


def test_a_run_is_run_by_one_process(whole: Path, tmp_path: Path) -> None:
    reporter = ResumeMeanwhile()
    runner.start(small(), tmp_path / "run", reporter)
    assert reporter.tried is not None
    assert reporter.tried.returncode == 2
    assert "another process is running this run" in " ".join(reporter.tried.stderr.split())
    assert bytes_of(tmp_path / "run") == bytes_of(whole)
    runner.resume(tmp_path / "run")  # and by any other when that one has ended


def test_sigterm_saves_too(tmp_path: Path) -> None:
    with pytest.raises(Stopped) as caught:
        runner.start(small(), tmp_path / "run", StopAt(3, signal.SIGTERM))
    assert caught.value.signal == signal.SIGTERM
    assert (tmp_path / "run/checkpoints/000003/state.json").exists()


@pytest.mark.parametrize("after", [2.5, 4.0])
def test_killed_at_any_moment_and_resumed_ends_with_the_same_bytes(whole: Path, tmp_path: Path, after: float) -> None:
    folder = tmp_path / "run"
    code = (
        "from pathlib import Path; import torch; from textgan import recipe, running; torch.set_num_threads(1); "
        f"running.start(recipe.load('seqgan', {list(SMALL)!r}), Path({str(folder)!r}))"
    )  # as many threads as here: rounding goes by them
    child = subprocess.Popen([sys.executable, "-c", code])
    deadline = time.monotonic() + 60
    while not (folder / "metrics.jsonl").exists() and child.poll() is None and time.monotonic() < deadline:
        time.sleep(0.02)
    time.sleep(after / 10)
    child.kill()
    child.wait()
    runner.resume(folder)
    assert bytes_of(folder) == bytes_of(whole)


def test_a_line_that_was_half_written_is_forgotten(whole: Path, tmp_path: Path) -> None:
    folder = tmp_path / "run"
    with pytest.raises(Stopped):
        runner.start(small(), folder, StopAt(9))
    with (folder / "metrics.jsonl").open("a") as stream:
        stream.write('{"step": 10, "phase": "adver')
    runner.resume(folder)
    assert bytes_of(folder) == bytes_of(whole)


def test_a_folder_that_holds_a_run_is_left_alone(whole: Path) -> None:
    before = bytes_of(whole)
    with pytest.raises(UserError, match="holds a run; nothing was touched"):
        runner.start(small(), whole)
    assert bytes_of(whole) == before


def test_a_damaged_checkpoint_is_told(whole: Path, tmp_path: Path) -> None:
    folder = tmp_path / "run"
    with pytest.raises(Stopped):
        runner.start(small(), folder, StopAt(9))
    weights = folder / "checkpoints/000009/weights.safetensors"
    content = bytearray(weights.read_bytes())
    content[-1] ^= 1
    weights.write_bytes(content)
    with pytest.raises(UserError, match="is damaged"):
        runner.resume(folder)


def test_a_full_disk_keeps_what_was_saved(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    folder = tmp_path / "run"
    real, calls = checkpoint.save_file, []

    def save_file(tensors: Mapping[str, torch.Tensor], path: Path) -> None:
        calls.append(path)
        if len(calls) > 6:
            raise OSError(28, "No space left on device")
        real(tensors, path)

    monkeypatch.setattr(checkpoint, "save_file", save_file)
    with pytest.raises(Failure, match="the disk is full; what was saved before is untouched"):
        runner.start(small(), folder)
    assert [p.name for p in RunDir(folder).saved()] == ["000002", "000003"]
    assert not list((folder / "checkpoints").glob(".*")), "nothing half-written may stay"
    monkeypatch.undo()
    runner.resume(folder)


def test_divergence_is_a_failure_with_advice(tmp_path: Path) -> None:
    with pytest.raises(Failure, match=r"nll_train is (nan|inf) in round \d of pretrain-g.*smaller lr"):
        runner.start(small("optimizers.generator.lr=1e38", "optimizers.generator.clip=null"), tmp_path / "run")


def test_a_model_writes_and_scores(whole: Path) -> None:
    model = textgan.load(whole, device="cpu")
    assert model.sample(5, seed=3) == model.sample(5, seed=3)
    assert model.sample(5, seed=3) != model.sample(5, seed=4)
    assert len(set(model.sample(6, temperature=0))) == 1, "the likeliest word each time gives one text"
    assert all(-200 < value < 0 for value in model.log_prob(["the cats sleep .", "a fox .", ""]))
    with pytest.raises(UserError, match='the word "zebra" stands in no text that this model was trained on'):
        model.log_prob(["a zebra ."])
    with pytest.raises(UserError, match="has 500 words, but the longest text here has"):
        model.log_prob(["the " * 500])
    with pytest.raises(TypeError, match="put a single one into a list"):
        model.log_prob("the cats")
    before = torch.get_rng_state()
    model.sample(2, seed=1)
    assert torch.equal(torch.get_rng_state(), before), "a seeded sample leaves the global random state alone"


def test_an_unfinished_run_has_no_model(tmp_path: Path) -> None:
    with pytest.raises(Stopped):
        runner.start(small(), tmp_path / "run", StopAt(3))
    with pytest.raises(UserError, match="has no model yet; finish the run with"):
        textgan.load(tmp_path / "run")


def test_a_scorer_of_texts_is_a_reward(tmp_path: Path) -> None:
    def short(texts: list[str]) -> list[float]:
        return [1 / (1 + len(text.split())) for text in texts]

    result = textgan.run("seqgan", *SMALL, "phases.pretrain-d=null", out=tmp_path / "run", reward=short, controls=False)
    assert "adversarial" in result.columns
    assert "reward:\n  name: short" in (tmp_path / "run/recipe.yaml").read_text()


def test_the_best_evaluation_can_be_kept(tmp_path: Path) -> None:
    best = small("checkpoint.best=nll_validation", "evaluate.metrics=[nll_validation]", "phases.adversarial=null",
                 "phases.pretrain-d=null", "phases.pretrain-g.rounds=8", "phases.pretrain-g.evaluate=1",
                 "optimizers.generator.lr=1.0", "controls=null")  # fmt: skip
    runner.start(best, tmp_path / "run")
    values = {e["step"]: e["nll_validation"] for e in RunDir(tmp_path / "run").entries() if e["kind"] == "evaluation"}
    index = min(values, key=lambda step: values[step])
    assert index != 8, "the last must not be the best by chance"
    kept = checkpoint.read(tmp_path / "run/checkpoints" / f"{index:06d}")[0]
    model = textgan.load(tmp_path / "run", device="cpu").generator.state_dict()
    assert all(torch.equal(model[name], kept[f"generator.{name}"]) for name in model)
    with pytest.raises(UserError, match=r'no metric gives nll_valdation; did you mean "nll_validation"'):
        runner.start(small("checkpoint.best=nll_valdation", "evaluate.metrics=[nll_validation]"), tmp_path / "other")


def test_other_data_is_not_gone_on_with(tmp_path: Path) -> None:
    text = tmp_path / "lines.txt"
    text.write_text("".join(f"the {a} sees the {b} .\n" for a in "abcdefgh" for b in "abcdefgh"))
    folder = tmp_path / "run"
    sizes = ("data.sentences", "data.validation", "data.test")
    mine = [s for s in SMALL if not s.startswith(sizes)]
    plain = recipe.load("seqgan", [*mine, "data.name=text", f"data.path={text}", "controls=null"])
    with pytest.raises(Stopped):
        runner.start(plain, folder, StopAt(3))
    text.write_text(text.read_text() + "the i sees the a .\n")
    with pytest.raises(UserError, match="data has changed since the run was begun"):
        runner.resume(folder)


def test_a_callback_hears_of_every_round_and_gets_what_it_asks_for(tmp_path: Path) -> None:
    heard: list[int] = []

    @textgan.register("callback", "freeze_late")
    class FreezeLate(Callback):
        """Sets the generator to zero after some round.

        Args:
            after: the round.
        """

        def __init__(self, generator: Generator, after: PositiveInt = 5) -> None:
            self.generator, self.after = generator, after

        def __call__(self, result: RoundResult) -> None:
            heard.append(step.progress.global_round)
            if step.progress.global_round == self.after:
                for parameter in self.generator.parameters():
                    parameter.data.zero_()

    alone = ("phases.pretrain-d=null", "phases.adversarial=null", "controls=null")
    runner.start(small(*alone, "callbacks=[{name: freeze_late, after: 6}]"), tmp_path / "run")
    assert heard == [0, 1, 2, 3, 4, 5, 6]
    assert not any(p.any() for p in textgan.load(tmp_path / "run", device="cpu").generator.parameters())


def test_the_start_may_be_the_best(tmp_path: Path) -> None:
    alone = ("phases.pretrain-d=null", "phases.adversarial=null", "controls=null")
    settings = ("checkpoint.best=self_bleu2", "evaluate.start=true", "evaluate.metrics=[self_bleu]")
    runner.start(small(*alone, *settings), tmp_path / "run")
    entries = [e for e in RunDir(tmp_path / "run").entries() if e["kind"] == "evaluation"]
    best = min(entries, key=lambda entry: entry["self_bleu2"])
    assert best["step"] == 0, "words drawn evenly are the least alike"
    model, start = tmp_path / "run/model/generator.safetensors", RunDir(tmp_path / "run").checkpoint(0)
    from safetensors.torch import load_file

    kept = load_file(start / "weights.safetensors")
    assert all(torch.equal(value, kept[f"generator.{name}"]) for name, value in load_file(model).items())


def test_an_evaluation_at_the_start_is_told_once(tmp_path: Path) -> None:
    """A run that was killed before its first checkpoint begins anew."""

    class Die(ProgressReporter):
        def on_round_end(self, result: RoundResult) -> None:
            raise RuntimeError

    alone = ("phases.pretrain-d=null", "phases.adversarial=null", "controls=null")
    with pytest.raises(RuntimeError):
        runner.start(small(*alone, "evaluate.start=true"), tmp_path / "run", Die())
    runner.resume(tmp_path / "run")
    assert [entry["step"] for entry in RunDir(tmp_path / "run").entries()].count(0) == 1


def test_a_control_that_only_decodes_otherwise_has_a_best_too(tmp_path: Path) -> None:
    run = recipe.load("seqgan", [
        *SMALL, "checkpoint.best=nll_validation", "evaluate.metrics=[nll_validation]", "phases.adversarial=null",
        "phases.pretrain-d=null", "controls=null", "controls.cool.decoding={name: ancestral, temperature: 0.5}",
    ])  # fmt: skip
    runner.start(run, tmp_path / "run")
    assert (tmp_path / "run/controls/cool/model/generator.safetensors").is_file()


def test_what_is_no_number_is_never_the_best(tmp_path: Path) -> None:
    session = runner._Session.__new__(runner._Session)
    session.settings, session.best = {"checkpoint": {"best": "m"}}, None
    session.result = runner.Result(tmp_path, better={"m": "lower"})
    better = [
        session._is_best(Progress(0, i, i), {"m": value}) for i, value in enumerate((float("nan"), 3.0, 1.0, 2.0), 1)
    ]
    assert better == [False, True, True, False]


def test_a_branch_that_was_killed_as_it_began_goes_on(tmp_path: Path) -> None:
    folder = tmp_path / "run"
    folder.mkdir()
    (folder / ".lock").touch()
    (folder / "environment.json").write_text("{}", encoding="utf-8")
    runner.branch(small("controls=null").without_controls(), folder, None)
    assert (folder / "model/generator.safetensors").is_file()


@pytest.mark.parametrize("change", ["discriminator.filters=5", "discriminator.init=uniform"])
def test_a_branch_takes_over_no_player_of_another_kind(change: str, tmp_path: Path) -> None:
    """The two share likelihood training alone; the discriminator begins as its own recipe says."""
    first, other = (small("controls=null", *more).without_controls() for more in ((), (change,)))
    runner.branch(first, tmp_path / "first", None)
    run = build(other)
    fresh = {name: value.clone() for name, value in run.modules["discriminator"].state_dict().items()}
    checkpoint.restore(run, RunDir(tmp_path / "first").checkpoint(6), of=first)
    kept = run.modules["discriminator"].state_dict()
    assert all(torch.equal(value, kept[name]) for name, value in fresh.items())
    runner.branch(other, tmp_path / "other", RunDir(tmp_path / "first").checkpoint(6))
    assert (tmp_path / "other/model/generator.safetensors").is_file()


def test_checkpoints_are_in_the_order_of_their_numbers(tmp_path: Path) -> None:
    folder = RunDir(tmp_path)
    for index in (1_000_000, 999_999):
        folder.checkpoint(index).mkdir(parents=True)
    assert [int(path.name) for path in folder.saved()] == [999_999, 1_000_000]


@pytest.mark.parametrize(
    ("reward", "told"),
    [
        (lambda texts: None, "returned None; it must return a number for each"),
        ("constant", "is no function with a name"),
    ],
)
def test_a_reward_that_is_no_scorer_is_refused(reward: Any, told: str, tmp_path: Path) -> None:
    with pytest.raises(UserError, match=told):
        textgan.run("seqgan", *SMALL, "phases.pretrain-d=null", out=tmp_path / "run", reward=reward, controls=False)


def test_a_finished_run_whose_last_phase_writes_nothing_is_done(tmp_path: Path) -> None:
    runner.start(small("phases.adversarial=null", "controls=null"), tmp_path / "run")
    before = RunDir(tmp_path / "run").entries()
    runner.resume(tmp_path / "run")
    assert RunDir(tmp_path / "run").entries() == before
