"""`textgan sample`: new text from a finished run."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

import click

from textgan.cli.base import Command, draw_options, examples, json_option, plugin_option
from textgan.cli.commands.latent_options import asked, code_options


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
@click.option("-n", "--count", type=click.IntRange(1), default=10, show_default=True, help="How many texts.")
@draw_options
@click.option("--greedy", is_flag=True, help="Take the likeliest word each time: --temperature 0.")
@click.option("--fill", metavar="TEXT", help="Fill each ___ in this text with a word, and keep all others.")
@code_options
@click.option("--seed", type=click.IntRange(0), help="The same texts each time.")
@click.option("--max-len", type=click.IntRange(1), metavar="L", help="Longest text in tokens; default as in training.")
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
    """Write new texts, a line each.

    RUN is a run's folder, or the model folder in it. Characters that would steer a terminal are shown as
    escapes such as \\x1b; --json holds the texts as they are.
    """
    _greedy_alone(greedy)
    answer = asked()
    from textgan.runs import model
    from textgan.cli.display.output import write_json
    from textgan.core.escape import visible

    trained = model.load(run, device)
    drawn = (count, 0.0 if greedy else temperature, top_k, top_p, seed, max_len)
    if answer is not None:
        texts = answer(trained, count, seed)
    else:
        texts = trained.sample(*drawn) if fill is None else trained.fill(fill, *drawn)
    if as_json:
        write_json(texts)
        return
    for text in texts:
        click.echo(visible(text))


def _greedy_alone(greedy: bool) -> None:
    given = click.core.ParameterSource.COMMANDLINE
    context = click.get_current_context()
    for name in ("temperature", "top_k", "top_p"):
        if greedy and context.get_parameter_source(name) == given:
            raise click.UsageError(f"--greedy leaves nothing to chance; leave out --{name.replace('_', '-')}.")
