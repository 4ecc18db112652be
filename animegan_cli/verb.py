"""Verbs of the command line: what runs when one is called, loaded only then."""

from collections.abc import Callable
from dataclasses import dataclass
from importlib import import_module

Main = Callable[[list[str]], int]


@dataclass(frozen=True)
class Verb:
    """What `anime-gan <name>` runs: `main(argv) -> exit code` at "module:function".

    `group` is the dependency group that it needs, if it is not the client's own.
    """

    name: str
    entry: str
    help: str
    group: str = "training"


class CannotLoadError(Exception):
    """A verb needs something that is not installed."""


def load(verb: Verb) -> Main:
    """Import the function that the verb stands for.

    Raises:
        CannotLoadError: its module, or one that it imports, is not installed.
    """
    module_name, function = verb.entry.split(":")
    try:
        module = import_module(module_name)
    except ModuleNotFoundError as error:
        raise CannotLoadError(
            f"the module {error.name!r} is not installed; in a checkout of anime-gan run "
            f"`pip install -e . --group {verb.group}`"
        ) from error
    main_function: Main = getattr(module, function)
    return main_function
