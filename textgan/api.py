"""The toolkit from Python: what the command line is made of."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from pathlib import Path

from textgan import recipe as recipes
from textgan import registry, running
from textgan.errors import UserError
from textgan.folder import new_folder
from textgan.rewards.scorer import Scorer
from textgan.running import Observer, Result

TextScorer = Callable[[Sequence[str]], Sequence[float]]
"""Texts -> a number for each, higher = better."""


def run(
    recipe: str | Path,
    *settings: str,
    seed: int | None = None,
    out: str | Path | None = None,
    reward: TextScorer | None = None,
    controls: bool = True,
    observer: Observer | None = None,
) -> Result:
    """Runs a recipe to its end.

    Args:
        recipe: a file, or a bundled recipe's name such as "seqgan".
        settings: "key=value", as on the command line.
        seed: short for the setting `seed=...`.
        out: a new folder; default `runs/<recipe>-<date>-<time>`.
        reward: a function of texts, registered under its own name, in the place of the recipe's reward.
        controls: whether to run the recipe's controls as well.
        observer: is told what happens; default silent.

    Raises:
        UserError: for a recipe or input that has to be mended.
        textgan.running.Failure: if training diverged.
    """
    changes = list(settings)
    if seed is not None:
        changes.append(f"seed={seed}")
    if reward is not None:
        if not hasattr(reward, "__name__"):
            raise UserError(f'reward={reward!r} is no function with a name; a reward of a recipe is "reward=NAME"')
        scorer(reward.__name__)(reward)
        changes.append(f"reward={reward.__name__}")
    checked = recipes.load(recipe, changes, controls)
    return running.start(checked, Path(out) if out else new_folder(checked.name), observer)


def resume(folder: str | Path, observer: Observer | None = None) -> Result:
    """Goes on with a run that was stopped, to the same bytes as if it had not been."""
    return running.resume(Path(folder), observer)


def scorer(name: str) -> Callable[[TextScorer], TextScorer]:
    """Registers a function of texts as a reward, for this process: `reward: NAME` in a recipe then means it.

    @textgan.scorer("short")
    def short(texts):
        return [1 / (1 + len(text.split())) for text in texts]
    """

    def decorate(function: TextScorer) -> TextScorer:
        own = {"function": staticmethod(function), "__doc__": function.__doc__, "__module__": function.__module__}
        made = type(function.__name__, (Scorer,), own)
        registry.register("reward", name)(made)
        return function

    return decorate
