from __future__ import annotations

from typing import ClassVar

import pytest
import torch
from support.runs import PRETRAINING, SMALL, small
from torch import nn

import textgan
from textgan import recipe
from textgan.core import registry, spec
from textgan.core.errors import UserError
from textgan.core.options import PositiveInt
from textgan.core.roles import Discriminator, Generator
from textgan.core.types import Samples, Scores
from textgan.runs.builder import Run, build, common_phases, corpus_objects, make, prepare


@pytest.fixture(scope="module")
def run() -> Run:
    return build(small())


def test_phases_have_the_turns_of_the_recipe(run: Run) -> None:
    assert [(phase.name, phase.rounds) for phase in run.phases] == [
        ("pretrain-g", 6), ("pretrain-d", 2), ("adversarial", 4)
    ]  # fmt: skip
    generator_turn, discriminator_turn = run.phases[2].turns
    assert type(generator_turn.objective).__name__ == "Adversarial"
    assert generator_turn.updates[0].player is run.generator
    assert discriminator_turn.updates[0].player is run.modules["discriminator"]


def test_what_a_turn_does_not_update_is_frozen(run: Run) -> None:
    trainable = {id(p) for module in run.modules.values() for p in module.parameters() if p.requires_grad}
    for turn in (turn for phase in run.phases for turn in phase.turns):
        updated = {id(p) for update in turn.updates for p in update.parameters}
        frozen = {id(p) for p in turn.frozen}
        assert updated
        assert not updated & frozen
        assert updated | frozen == trainable


def test_turns_share_an_optimizer_of_the_same_name_and_player(run: Run) -> None:
    assert set(run.optimizers) == {
        ("generator", "generator"), ("policy", "generator"), ("discriminator", "discriminator")
    }  # fmt: skip
    first, second = (run.phases[i].turns[-1].updates[0].optimizer for i in (1, 2))
    assert first is second is run.optimizers["discriminator", "discriminator"]


def test_players_are_in_evaluation_mode_and_do_not_depend_on_other_players(run: Run) -> None:
    assert not any(module.training for module in run.modules.values())
    other = build(small("discriminator.filters=9"))
    weights = other.generator.state_dict()
    assert all(torch.equal(value, weights[name]) for name, value in run.generator.state_dict().items())
    another = build(small("seed=9")).generator.state_dict()
    assert any(not torch.equal(value, another[name]) for name, value in weights.items())


def test_a_prepared_corpus_is_used() -> None:
    checked = small(*PRETRAINING)
    corpus = prepare(checked)
    assert build(checked, corpus).corpus is corpus
    assert set(corpus_objects(corpus)) == {"corpus", "tokenizer", "vocab", "max_len"}


def test_a_part_of_a_player_can_be_updated() -> None:
    run = build(small(*PRETRAINING, "phases.pretrain-g.turns.likelihood.updates={generator.output: generator}"))
    (update,) = run.phases[0].turns[0].updates
    assert update.player is run.generator.get_submodule("output")
    assert {id(p) for p in update.parameters} == {id(p) for p in run.generator.get_submodule("output").parameters()}
    assert len(run.phases[0].turns[0].frozen) > 0


def test_an_unknown_part_is_refused() -> None:
    with pytest.raises(UserError, match=r"updates=generator\.nothing: not found .*change updates"):
        build(small(*PRETRAINING, "phases.pretrain-g.turns.likelihood.updates={generator.nothing: generator}"))


def test_a_player_without_parameters_is_refused() -> None:
    @textgan.register("discriminator", "without_parameters")
    class WithoutParameters(Discriminator):
        """Scores everything 0."""

        def forward(self, samples: Samples) -> Scores:
            zeros = torch.zeros(len(samples), 1)
            return Scores(zeros, zeros + 1)

    settings = [setting for setting in SMALL if not setting.startswith("discriminator.")]
    with pytest.raises(UserError, match=r"updates=discriminator: no parameters; .* leave it out of updates"):
        build(recipe.load("seqgan", [*settings, "discriminator={name: without_parameters}", "callbacks=[]"]))


def test_a_component_gets_its_options_and_the_shared_objects_that_it_has_arguments_for() -> None:
    @textgan.register("metric", "asking")
    class Asking:
        """Keeps its arguments."""

        requires: ClassVar[frozenset[str]] = frozenset()

        def __init__(self, generator: Generator, size: PositiveInt = 3, extra: int = 0) -> None:
            self.found = generator, size, extra

    shared = {"generator": "the generator", "corpus": "not asked for"}
    assert make("metric", {"name": "asking", "size": 5, "unknown": 1}, shared).found == ("the generator", 5, 0)
    assert make("metric", {"name": "asking"}, shared, extra=7).found == ("the generator", 3, 7)


def test_a_registered_component_is_inspected_once(monkeypatch: pytest.MonkeyPatch) -> None:
    inspected: list[object] = []
    inspect = spec._inspect
    monkeypatch.setattr(spec, "_inspect", lambda component: inspected.append(component.value) or inspect(component))
    classes = []
    for size in (1, 2):  # the second class has the same name, and replaces the first

        @textgan.register("metric", "repeated")
        class Repeated:
            """Keeps its size."""

            def __init__(self, size: int = size) -> None:
                self.size = size

        classes.append(Repeated)
        assert [make("metric", {"name": "repeated"}, {}).size for _ in range(3)] == [size] * 3
        assert spec.read(registry.find("metric", "repeated")).options["size"].default == size
    assert inspected == classes


@pytest.mark.parametrize("error", [ValueError("size is odd"), NotImplementedError("size is odd")])
def test_a_component_that_refuses_its_options_is_a_user_error(error: Exception) -> None:
    @textgan.register("metric", "refusing")
    class Refusing:
        """Refuses."""

        def __init__(self) -> None:
            raise error

    with pytest.raises(UserError, match="metric=refusing: size is odd"):
        make("metric", {"name": "refusing"}, {})


@pytest.mark.parametrize(
    ("settings", "count"),
    [
        ((), 3),
        (("phases.adversarial.rounds=5",), 2),
        (("phases.adversarial.turns.generator.batch_size=32",), 2),
        (("phases.pretrain-d.rounds=3",), 1),
        (("optimizers.policy.lr=0.5",), 2),
        (("optimizers.discriminator.lr=0.5",), 1),
        (("discriminator.filters=5",), 1),
        (("estimator.rollouts=3",), 1),  # pretrain-d asks it for fakes
        (("reward=constant",), 2),
        (("generator.hidden_dim=9",), 0),
        (("optimizers.generator.lr=0.5",), 0),
        (("data.sentences=301",), 0),
        (("batch_size=17",), 0),
        (("seed=1",), 0),
        (("callbacks=[]",), 0),
        (("evaluate.samples=31",), 3),  # does not affect training
    ],
)
def test_phases_are_common_until_something_that_they_depend_on_differs(settings: tuple[str, ...], count: int) -> None:
    assert common_phases(small("controls=null"), small("controls=null", *settings)) == count


def test_names_of_turns_do_not_matter_but_their_order_does() -> None:
    one, other, reversed_ = (
        recipe.load("seqgan", ["controls=null", f"phases.pretrain-g.turns={{{turns}}}"])
        for turns in (
            "a: {objective: likelihood}, b: {objective: likelihood, times: 2}",
            "c: {objective: likelihood}, d: {objective: likelihood, times: 2}",
            "b: {objective: likelihood, times: 2}, a: {objective: likelihood}",
        )
    )
    assert common_phases(one, other) == 3
    assert common_phases(one, reversed_) == 0


def test_modules_are_the_players_with_parameters(run: Run) -> None:
    assert set(run.modules) == {"generator", "discriminator", "estimator"}
    assert all(isinstance(module, nn.Module) for module in run.modules.values())
    assert run.seed == 0
    assert run.decoding is run.shared["decoding"]
