"""textgan: adversarial text generation from YAML recipes.

    >>> import textgan
    >>> result = textgan.run("seqgan", "data.name=text", "data.path=captions.txt", seed=1)   # doctest: +SKIP
    >>> textgan.load(result.folder).sample(20, temperature=0.8)                               # doctest: +SKIP

Importing this package is cheap: torch is imported when something that needs it is used.
"""

from importlib import metadata
from typing import TYPE_CHECKING

from textgan.core.errors import UserError as UserError
from textgan.core.lazy import lazy_exports
from textgan.core.registry import register as register

if TYPE_CHECKING:
    from textgan.runs.api import resume as resume
    from textgan.runs.api import run as run
    from textgan.runs.api import scorer as scorer
    from textgan.runs.model import load as load

__version__ = metadata.version("textgan")
__getattr__, __dir__, _lazy = lazy_exports(__name__)
__all__ = ["UserError", "__version__", "load", "register", "resume", "run", "scorer"]
