"""What a discriminator may begin with: what the generator has learned of the language."""

from __future__ import annotations

from torch import Tensor

from textgan.errors import UserError
from textgan.registry import suggest
from textgan.roles import Discriminator, Generator
from textgan.training import Callback, Step


class Inherit(Callback):
    """At the end of a phase, the discriminator takes over the generator's weights, wherever both have a part alike.

    MaskGAN (Fedus et al. 2018, arXiv:1801.07736) begins generator and discriminator, which are of one shape, with the
    weights of one language model. Here the discriminator follows the pre-trained generator: a part is taken over if it
    has the same name and shape in both, so give both the same sizes. What is left, the judging itself, begins as it is.
    `token_judge` fits `infill`, and `token_lstm` fits `lstm`.

    A run that is resumed at the very end of the phase does it again, with the same result.

    Args:
        phase: at whose end; one in which the generator learns, before the discriminator does.
    """

    def __init__(self, phase: str, generator: Generator, discriminator: Discriminator) -> None:
        self.phase = phase
        self.generator, self.discriminator = generator, discriminator
        if not self.alike():
            raise UserError(
                'callback "inherit": generator and discriminator have no part of the same name and shape; give them '
                "the same embed_dim, hidden_dim and layers, or leave the callback out"
            )

    def __call__(self, step: Step) -> None:
        names = [phase.name for phase in step.phases]
        if self.phase not in names:
            raise UserError(
                f'callback "inherit": there is no phase "{self.phase}"{suggest(self.phase, names)}; '
                f"there are: {', '.join(names)}"
            )
        if step.phase.name == self.phase and step.ends_phase:
            self.discriminator.load_state_dict(self.alike(), strict=False)

    def alike(self) -> dict[str, Tensor]:
        """The generator's tensors that fit the discriminator, by name."""
        theirs = self.discriminator.state_dict()
        mine = self.generator.state_dict()
        return {name: mine[name] for name in theirs if name in mine and mine[name].shape == theirs[name].shape}
