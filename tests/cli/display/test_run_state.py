"""RunState records the events of a run."""

from __future__ import annotations

from pathlib import Path

from support.fake_run import BETTER, LATER, PHASES, VALUES, fake_run, play, round_result

from textgan.cli.display.run_state import START, RunState
from textgan.runs.evaluator import Measured
from textgan.runs.run_dir import RunDir
from textgan.training.loop import Progress


def test_state_after_two_evaluations(tmp_path: Path) -> None:
    state = RunState()
    play(state, RunDir(tmp_path), ["a", "b"])
    assert state.columns == {"pretrain-g": VALUES, "adversarial": LATER}
    assert state.reference == ("pretrain-g", VALUES)
    assert state.oldest is not None
    assert (state.oldest.column, state.oldest.round, state.oldest.texts) == ("pretrain-g", 300, ["a", "b"])
    assert state.newest is not None
    assert (state.newest.column, state.newest.round) == ("adversarial", 7)
    assert state.stats == {"d_loss": 0.61, "reward_mean": 0.4}


def test_setting_describes_the_run(tmp_path: Path) -> None:
    state = RunState()
    state.on_run_start(fake_run(), RunDir(tmp_path), Progress())
    setting = state.setting
    assert (setting.name, setting.device, setting.folder) == ("seqgan", "cpu", str(tmp_path))
    assert setting.sizes.startswith("10,000 train, 1,000 validation, 2,000 test sentences; vocabulary 431")
    assert setting.notes == {"empty lines left out": 3, "\x1b[31mred": 1}
    assert setting.phases == [(phase.name, phase.rounds) for phase in PHASES]
    assert setting.better == BETTER


def test_only_the_configured_number_of_samples_is_kept(tmp_path: Path) -> None:
    state = RunState()
    play(state, RunDir(tmp_path), [str(n) for n in range(20)])
    assert state.newest is not None
    assert len(state.newest.texts) == 8


def test_position_names_round_phase_and_control(tmp_path: Path) -> None:
    state = RunState()
    assert state.position() == ""
    play(state, RunDir(tmp_path), ["a"])
    assert state.position() == " after round 7 of adversarial"
    state.on_control_start("constant-reward")
    assert state.position() == " after round 7 of adversarial (control constant-reward)"


def test_a_control_has_a_column_of_its_own(tmp_path: Path) -> None:
    state = RunState()
    play(state, RunDir(tmp_path), ["a"])
    assert state.remaining_controls() == "1 control"
    state.on_control_start("constant-reward")
    assert state.remaining_controls() == ""
    state.on_run_start(fake_run("seqgan-constant-reward"), RunDir(tmp_path / "x"), Progress(1, 20, 320))
    assert (state.setting.name, state.setting.folder) == ("seqgan", str(tmp_path))
    assert (state.round_result, state.stats) == (None, {})
    state.on_round_end(round_result(2, 3))
    state.on_evaluation("adversarial", Progress(2, 3, 323), Measured({"nll_test": 2.4}, ["b"]))
    assert list(state.columns) == ["pretrain-g", "adversarial", "constant-reward"]
    assert state.reference == ("pretrain-g", VALUES)


def test_a_resumed_run_has_the_evaluations_of_its_first_part(tmp_path: Path) -> None:
    folder = RunDir(tmp_path)
    folder.append({"global_round": 300, "phase": "pretrain-g", "round": 300, "kind": "evaluation", **VALUES})
    folder.append({"global_round": 301, "phase": "pretrain-d", "round": 1, "kind": "train", "d_loss": 1.0})
    folder.write_samples(300, ["an old sentence"])
    state = RunState()
    state.on_run_start(fake_run(), folder, Progress(1, 1, 301))
    assert state.columns == {"pretrain-g": VALUES}
    assert state.oldest is not None
    assert state.oldest.texts == ["an old sentence"]


def test_lost_samples_of_a_resumed_run_are_no_error(tmp_path: Path) -> None:
    folder = RunDir(tmp_path)
    folder.append({"global_round": 300, "phase": "pretrain-g", "round": 300, "kind": "evaluation", **VALUES})
    state = RunState()
    state.on_run_start(fake_run(), folder, Progress(1, 1, 301))
    assert state.oldest is not None
    assert state.oldest.texts == []


def test_reference_before_the_first_phase_has_ended(tmp_path: Path) -> None:
    state = RunState()
    state.on_run_start(fake_run(), RunDir(tmp_path), Progress())
    assert state.reference == (START, {})
    state.on_evaluation(START, Progress(), Measured({"nll_test": 9.0}, ["x"]))
    state.on_evaluation("pretrain-g", Progress(0, 100, 100), Measured({"nll_test": 3.0}, ["y"]))
    assert state.reference == (START, {"nll_test": 9.0})
    assert state.oldest is not None
    assert state.oldest.texts == ["y"]
    state.on_evaluation("pretrain-g", Progress(0, 200, 200), Measured({"nll_test": 2.8}, ["z"]))
    assert state.reference == ("previous evaluation", {"nll_test": 3.0})


def test_context_manager_closes() -> None:
    class Closing(RunState):
        closed = 0

        def close(self) -> None:
            self.closed += 1

    with Closing() as state:
        assert state.closed == 0
        assert not state.stop_requested
        state.on_stop_requested()
    assert (state.closed, state.stop_requested) == (1, True)
