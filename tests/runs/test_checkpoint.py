from __future__ import annotations

import json
import random
from collections.abc import Iterator, Mapping
from itertools import islice
from pathlib import Path

import numpy as np
import pytest
import torch
from support.runs import PRETRAINING, small

from textgan.core.errors import Failure, UserError
from textgan.runs import checkpoint, runner
from textgan.runs.builder import Run, build
from textgan.runs.run_dir import RunDir
from textgan.training.loop import Progress, RoundResult, train


@pytest.fixture(scope="module")
def trained() -> Run:
    """A run after three rounds."""
    run = build(small(*PRETRAINING))
    for _ in islice(train(run.phases, run.batches), 3):
        pass
    return run


@pytest.fixture(scope="module")
def saved(trained: Run, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Its checkpoint."""
    folder = tmp_path_factory.mktemp("checkpoints") / "000003"
    torch.manual_seed(3)
    np.random.seed(3)
    random.seed(3)
    np.random.randn(), random.gauss(0, 1)  # each of these keeps a second normal number for the next call
    checkpoint.save(trained, Progress(0, 3, 3), folder, {"best": None})
    return folder


def draw() -> list[float]:
    """Random numbers of all generators that a checkpoint saves."""
    return [torch.rand(()).item(), np.random.randn(), np.random.rand(), random.gauss(0, 1), random.random()]


def remaining(run: Run, progress: Progress) -> Iterator[RoundResult]:
    return train(run.phases, run.batches, progress)


def test_a_restored_run_continues_with_the_same_numbers(trained: Run, saved: Path) -> None:
    run = build(small(*PRETRAINING))
    progress = checkpoint.restore(run, saved)
    assert progress == Progress(0, 3, 3)
    numbers = draw()
    again = build(small(*PRETRAINING))
    checkpoint.restore(again, saved)
    assert draw() == numbers
    losses = [result.stats["nll_train"].item() for result in remaining(run, progress)]
    assert losses == [result.stats["nll_train"].item() for result in remaining(again, progress)]
    assert len(losses) == 3
    for (name, value), other in zip(
        run.generator.state_dict().items(), again.generator.state_dict().values(), strict=True
    ):
        assert torch.equal(value, other), name


def test_random_numbers_continue_where_they_were_saved(trained: Run, saved: Path) -> None:
    torch.manual_seed(3)
    np.random.seed(3)
    random.seed(3)
    np.random.randn(), random.gauss(0, 1)
    expected = draw()
    checkpoint.restore(trained, saved)
    assert draw() == expected


def test_weights_moments_and_position_in_the_data_are_restored(trained: Run, saved: Path) -> None:
    run = build(small(*PRETRAINING))
    checkpoint.restore(run, saved)
    weights = trained.generator.state_dict()
    assert all(torch.equal(value, weights[name]) for name, value in run.generator.state_dict().items())
    (key,) = run.optimizers
    moments, expected = (r.optimizers[key].state_dict()["state"] for r in (run, trained))
    assert moments.keys() == expected.keys() != set()
    assert all(torch.equal(moments[i]["exp_avg_sq"], expected[i]["exp_avg_sq"]) for i in moments)
    assert run.batches.index == trained.batches.index == 3


def test_extra_values_are_returned(saved: Path) -> None:
    assert checkpoint.extra(saved) == {"best": None}


def test_one_player_can_be_restored(trained: Run, saved: Path) -> None:
    run = build(small(*PRETRAINING))
    checkpoint.restore_player(run.generator, "generator", saved)
    weights = trained.generator.state_dict()
    assert all(torch.equal(value, weights[name]) for name, value in run.generator.state_dict().items())
    assert not any(optimizer.state_dict()["state"] for optimizer in run.optimizers.values())


@pytest.mark.parametrize("name", [checkpoint.WEIGHTS, checkpoint.TRAINING])
def test_a_changed_byte_is_noticed(trained: Run, tmp_path: Path, name: str) -> None:
    checkpoint.save(trained, Progress(), tmp_path / "000000")
    file = tmp_path / "000000" / name
    content = bytearray(file.read_bytes())
    content[-1] ^= 1
    file.write_bytes(content)
    with pytest.raises(UserError, match=rf"{name}: is damaged, its checksum differs"):
        checkpoint.read(tmp_path / "000000")


@pytest.mark.parametrize("state", [None, "{", "[]", '{"sha256": {"absent": ""}}', "{}"])
def test_an_unreadable_checkpoint_is_refused(tmp_path: Path, state: str | None) -> None:
    if state is not None:
        (tmp_path / checkpoint.STATE).write_text(state)
    with pytest.raises(UserError, match="not a readable checkpoint"):
        checkpoint.read(tmp_path)


def test_a_checkpoint_of_another_size_is_refused(saved: Path) -> None:
    run = build(small(*PRETRAINING, "generator.hidden_dim=9"))
    with pytest.raises(UserError, match="does not fit this recipe's generator"):
        checkpoint.restore(run, saved)


def test_a_checkpoint_replaces_an_earlier_one_and_can_be_removed(trained: Run, tmp_path: Path) -> None:
    for extra in ("first", "second"):
        checkpoint.save(trained, Progress(), tmp_path / "000000", {"name": extra})
    assert checkpoint.extra(tmp_path / "000000") == {"name": "second"}
    checkpoint.remove(tmp_path / "000000")
    assert not list(tmp_path.iterdir())


def test_nothing_is_pickled(saved: Path) -> None:
    assert {file.suffix for file in saved.iterdir()} == {".safetensors", ".json"}
    json.loads((saved / checkpoint.STATE).read_text())


def test_a_full_disk_leaves_earlier_checkpoints_unchanged(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    folder = tmp_path / "run"
    save_file, calls = checkpoint.save_file, []

    def until_full(tensors: Mapping[str, torch.Tensor], path: Path) -> None:
        calls.append(path)
        if len(calls) > 6:
            raise OSError(28, "No space left on device")
        save_file(tensors, path)

    monkeypatch.setattr(checkpoint, "save_file", until_full)
    with pytest.raises(Failure, match="the disk is full; what was saved before is unchanged"):
        runner.start(small(), folder)
    assert [p.name for p in RunDir(folder).saved()] == ["000002", "000003"]
    assert not list((folder / "checkpoints").glob(".*")), "no partial checkpoint may remain"
    monkeypatch.undo()
    runner.resume(folder)
