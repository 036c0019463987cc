"""Implements `textgan sample`, which generates text with the model of a run."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

import click

from textgan.cli.base import Command, examples, json_option, plugin_option, sampling_options
from textgan.cli.commands.latent_options import latent_options, requested_operation


@click.command(
    cls=Command,
    epilog=examples(
        "textgan sample runs/seqgan-... -n 20 --temperature 0.8",
        "textgan sample runs/seqgan-... --greedy -n 1",
        'textgan sample runs/maskgan-... --fill "a ___ on a ___"',
        'textgan sample runs/vae-... --interpolate "a cat sleeps ." "olga paints a red lamp ." -n 7',
        "textgan sample runs/seqgan-... -n 1000 --seed 1 --json > samples.json",
    ),
)
@click.argument("run", type=click.Path(path_type=Path))
@click.option("-n", "--count", type=click.IntRange(1), default=10, show_default=True, help="Number of texts.")
@sampling_options
@click.option("--greedy", is_flag=True, help="Always take the most probable token; short for --temperature 0.")
@click.option("--fill", metavar="TEXT", help="Replace each ___ in this text by a generated word; keep all other words.")
@latent_options
@click.option("--seed", type=click.IntRange(0), help="Random seed; the same seed gives the same texts.")
@click.option("--max-len", type=click.IntRange(1), metavar="L", help="Longest text in tokens; default, as in training.")
@click.option("--device", default="auto", show_default=True, help="auto, cpu, cuda, cuda:1 or mps.")
@plugin_option
@json_option
def sample(
    run: Path,
    count: int,
    temperature: float,
    top_k: int | None,
    top_p: float | None,
    greedy: bool,
    fill: str | None,
    seed: int | None,
    max_len: int | None,
    device: str,
    plugins: Sequence[Path],
    as_json: bool,
) -> None:
    """Generate texts, one per line.

    RUN is a run's folder, or the model folder in it. Control characters are shown as escapes such as \\x1b; --json
    keeps the texts unchanged.
    """
    _check_greedy(greedy)
    operation = requested_operation()
    from textgan.cli.display.output import write_json
    from textgan.core.escape import visible
    from textgan.runs import model

    trained = model.load(run, device)
    sampling = (count, 0.0 if greedy else temperature, top_k, top_p, seed, max_len)
    if operation is not None:
        texts = operation(trained, count, seed)
    else:
        texts = trained.sample(*sampling) if fill is None else trained.fill(fill, *sampling)
    if as_json:
        write_json(texts)
        return
    for text in texts:
        click.echo(visible(text))


def _check_greedy(greedy: bool) -> None:
    """Raises click.UsageError if --greedy is combined with an option of random sampling."""
    context = click.get_current_context()
    for name in ("temperature", "top_k", "top_p"):
        if greedy and context.get_parameter_source(name) == click.core.ParameterSource.COMMANDLINE:
            flag = f"--{name.replace('_', '-')}"
            raise click.UsageError(f"{flag} has no effect with --greedy, which does not sample; leave out {flag}.")
