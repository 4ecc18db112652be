"""The verbs of `anime-gan`: which there are, what each needs, and how one is loaded.

Those that call a service stand beside this file, one module each, `main(argv) -> exit code`. Those
that need a checkout are known by their names only: the package `anime-gan` does not hold them.
"""

from collections.abc import Callable
from dataclasses import dataclass
from importlib import import_module
from importlib.util import find_spec

Main = Callable[[list[str]], int]

INSTALL_EXTRA = "pip install 'anime-gan[cli]'"
CHECKOUT = "verbs that train, measure and publish need a checkout of anime-gan and `make setup-dev`"

# What the extra `cli` brings. Verbs that only list what a service has do without.
_EXTRA = ("PIL", "tqdm")


@dataclass(frozen=True)
class Verb:
    """What `anime-gan <name>` runs: `main(argv) -> exit code` at "module:function".

    `group` is the dependency group that it needs in a checkout; None: it needs no checkout.
    """

    name: str
    entry: str
    help: str
    group: str | None = None

    @property
    def is_installed(self) -> bool:
        """Whether the package that holds it is there, and where it trains or measures, PyTorch."""
        spec = find_spec(self.entry.partition(".")[0])
        is_there = spec is not None and spec.origin is not None  # a mere folder has no origin
        return is_there and (self.group in (None, "release") or find_spec("torch") is not None)


def _calling(name: str, help_: str) -> Verb:
    """A verb that calls a service."""
    return Verb(name, f"animegan_cli.verbs.{name}:main", help_)


def _training(name: str, help_: str) -> Verb:
    """A verb that works on training images, networks and figures."""
    return Verb(name, f"training.cli.{name.replace('-', '_')}:main", help_, "training")


VERBS: dict[str, tuple[Verb, ...]] = {
    "faces": (
        _calling("generate", "make faces from seeds"),
        _calling("models", "list the models of a service"),
    ),
    "likeness to training images": (
        _calling("search", "find the nearest training images"),
        _calling("explain", "show where two pictures are alike"),
        _calling("indexes", "list what can be searched"),
    ),
    "larger pictures": (
        _calling("upscale", "enlarge pictures"),
        _calling("methods", "list the ways to enlarge"),
    ),
    "your own pictures": (
        Verb("project", "training.cli.project:main", "from your pictures to a served model", "dev"),
    ),
    "training images": (
        _training("dataset", "make or check a training data set"),
        _training("index", "make an index for exact search by SSIM"),
    ),
    "training": (
        _training("train", "train a model"),
        _training("ablate", "compare variants of a training recipe"),
        _training("timelapse", "animate the sample sheets of a run"),
        _training("upscaler", "train what enlarges faces"),
        _training("copies", "find images that were changed and used again"),
    ),
    "quality": (
        _training("evaluate", "measure a model's quality"),
        _training("audit", "look for copies among images, as a report"),
        _training("compare-upscalers", "measure how near enlarged pictures come to the truth"),
    ),
    "models to serve": (
        _training("export", "turn a checkpoint into a served model"),
        _training("waifu2x", "get networks that enlarge"),
    ),
}
"""All verbs, by what they are for."""


class CannotLoadError(Exception):
    """A verb needs something that is not installed; the message says what installs it."""


def load(verb: Verb) -> Main:
    """Import the function that the verb stands for.

    Raises:
        CannotLoadError: its module, or one that it imports, is not installed.
    """
    if not verb.is_installed:
        raise CannotLoadError(f"it is not in this installation; {CHECKOUT}")
    module_name, function = verb.entry.split(":")
    try:
        module = import_module(module_name)
    except ModuleNotFoundError as error:
        remedy = (
            f"in a checkout of anime-gan run `pip install -e '.[cli]' --group {verb.group}`"
            if verb.group
            else f"run `{INSTALL_EXTRA}`"
        )
        raise CannotLoadError(f"the module {error.name!r} is not installed; {remedy}") from error
    main_function: Main = getattr(module, function)
    return main_function


def missing_extra() -> list[str]:
    """The modules of the extra `cli` that are not installed."""
    return [name for name in _EXTRA if find_spec(name) is None]
