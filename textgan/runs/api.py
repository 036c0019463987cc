"""Runs recipes from Python, as the command line does."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from pathlib import Path

from textgan import recipe as recipes
from textgan.core import registry
from textgan.core.errors import UserError
from textgan.rewards.scorer import Scorer
from textgan.runs import runner
from textgan.runs.reporter import ProgressReporter, Result
from textgan.runs.run_dir import new_folder

TextScorer = Callable[[Sequence[str]], Sequence[float]]
"""Texts -> one number for each, higher = better."""


def run(
    recipe: str | Path,
    *settings: str,
    seed: int | None = None,
    out: str | Path | None = None,
    reward: TextScorer | None = None,
    controls: bool = True,
    reporter: ProgressReporter | None = None,
) -> Result:
    """Runs a recipe to its end.

    Args:
        recipe: a file, or a bundled recipe's name such as "seqgan".
        settings: "key=value", as on the command line.
        seed: short for the setting `seed=...`.
        out: a new folder; default `runs/<recipe>-<date>-<time>`.
        reward: a function of texts that replaces the recipe's reward. It is registered under its own name.
        controls: whether to run the recipe's controls as well.
        reporter: receives the run's events; default none.

    Raises:
        UserError: if the recipe or its data are invalid.
        textgan.core.errors.Failure: if training diverged, or the disk is full.
    """
    changes = list(settings)
    if seed is not None:
        changes.append(f"seed={seed}")
    if reward is not None:
        if not hasattr(reward, "__name__"):
            raise UserError(
                f"reward={reward!r}: not a function with a name; expected a function of texts; "
                'to choose a component, use the setting "reward=NAME"'
            )
        scorer(reward.__name__)(reward)
        changes.append(f"reward={reward.__name__}")
    checked = recipes.load(recipe, changes, controls)
    return runner.start(checked, Path(out) if out else new_folder(checked.name), reporter)


def resume(folder: str | Path, reporter: ProgressReporter | None = None) -> Result:
    """Continues a stopped run. Its files are then equal, byte for byte, to those of a run that was not stopped.

    Args:
        folder: the run's folder.
        reporter: receives the run's events; default none.

    Raises:
        UserError: if the folder is not a run, its data have changed, or another process is running it.
    """
    return runner.resume(Path(folder), reporter)


def scorer(name: str) -> Callable[[TextScorer], TextScorer]:
    """Registers a function of texts as a reward for this process. A recipe names it with `reward: NAME`.

    @textgan.scorer("short")
    def short(texts):
        return [1 / (1 + len(text.split())) for text in texts]

    Args:
        name: its name in recipes.
    """

    def decorate(function: TextScorer) -> TextScorer:
        attributes = {
            "function": staticmethod(function),
            "__doc__": function.__doc__,
            "__module__": function.__module__,
        }
        registry.register("reward", name)(type(function.__name__, (Scorer,), attributes))
        return function

    return decorate
