"""`anime-gan project`: from your own pictures to a served model, in a folder of your own."""

from __future__ import annotations

import argparse
import contextlib
import json
import shlex
import shutil
import sys
import time
from collections.abc import Callable, Sequence
from pathlib import Path

from animegan_cli.console import complain, say
from animegan_cli.main import main as anime_gan
from deploy.local.console import LocalStackError
from deploy.local.state import StackSettings
from training.cli.arguments import words
from training.datasets.manifest import DatasetError
from training.export.folders import replace
from training.files import FolderInUseError, writing
from training.gan.presets import PRESETS
from training.networks.tensor_file import WeightsError
from training.project import serving
from training.project.folder import ORIGIN, Project, change_places, inventory
from training.project.settings import (
    FILE,
    IGNORED,
    ProjectError,
    parse_settings,
    template,
)
from training.release.errors import ReleaseError

CHECKOUT = Path(__file__).parents[2]
SHIPPED = CHECKOUT / "training" / "weights" / "stylegan-faces-64.safetensors"

DESCRIPTION = """\
From your own pictures to a served model. Five commands, each of which says what it does, what it
cost, and what comes next; each can be interrupted, and repeated goes on or has nothing to do:

  anime-gan project new mine --pictures pictures --licence LicenseRef-private
  cd mine
  anime-gan project import      take in the pictures, clean them, hold some of them out
  anime-gan project train       hours on CPUs; Ctrl-C keeps all
  anime-gan project evaluate    figures beside those of real pictures, and sheets
  anime-gan project publish     export, index, audit, gate, and serve it on this machine

`anime-gan project status` tells how things stand, `stop` ends what serves, `start` starts it again,
`rollback` lets the version before serve again. All lies in the project's folder; what each step
does is decided in its project.toml. The steps are the ordinary commands, which are shown before
they run: from any of them on you can go your own way.
"""
# Options of `anime-gan train` that the project alone gives.
DECIDED = ("--run", "--dataset", "--preset")
STEPS = ("import", "train", "evaluate", "publish")
INTERRUPTED = 130
OF_PARTS = (DatasetError, WeightsError, ReleaseError, LocalStackError)
REFUSALS = (ProjectError, FolderInUseError, OSError, *OF_PARTS)
# What takes a step; it returns the exit code.
Step = Callable[[argparse.Namespace], int]


def main(argv: Sequence[str] | None = None) -> int:
    """Take one step; returns the exit code: 0 done, 1 refused, 2 wrong usage, 130 stopped."""
    arguments, more = _parser().parse_known_args(argv)
    step: Step = arguments.step
    if more and step is not train:
        _parser().error(f"unrecognized arguments: {' '.join(more)}")
    arguments.more = more
    try:
        with contextlib.chdir(arguments.project), contextlib.ExitStack() as locks:
            for folder in LOCKS.get(step, ()):
                locks.enter_context(writing(folder.resolve()))
            return step(arguments)
    except REFUSALS as error:
        complain(f"anime-gan project: {error}")
        return 1
    except KeyboardInterrupt:
        complain("interrupted: the same command goes on where this one stopped")
        return INTERRUPTED


def new(arguments: argparse.Namespace) -> int:
    """Write `project.toml` and a `.gitignore`; nothing else."""
    folder: Path = arguments.folder
    file = folder / FILE
    if file.exists():
        raise ProjectError(f"{file} exists: edit it, and go on with `anime-gan project import`")
    whole = folder.resolve()
    if CHECKOUT in (whole, *whole.parents):
        raise ProjectError(f"{folder} lies in the checkout: choose a folder outside, as ~/mine")
    ignored = folder / ".gitignore"
    if ignored.exists() and ignored.read_bytes() != IGNORED.encode():
        raise ProjectError(f"{ignored} exists and is not a project's: choose a folder of its own")
    pictures = arguments.pictures.expanduser().resolve()
    count = len(inventory(str(pictures))[0].entries)
    network = PRESETS[arguments.preset].network
    name = arguments.name or whole.name.lower()
    text = template(name, pictures, arguments.licence, network, arguments.preset, count, SHIPPED)
    parse_settings(text, file)
    replace(ignored, IGNORED.encode())
    replace(file, text.encode())
    say(f"{file}: {count:,} pictures of {pictures}, to become {network.resolution} px.")
    say("Look at what it decides.")
    say(f"next: cd {shlex.quote(str(folder))}; anime-gan project import")
    return 0


def take_in(_: argparse.Namespace) -> int:
    """Import, clean and split, beside the data that are there; they change places when whole."""
    project = Project.here()
    if project.data_is_made() and not project.change():
        return _next(project, "the pictures are as they were when they were imported")
    settings, origin, making = project.settings, project.origin(), project.next_data
    if not (making / ORIGIN).exists() or (making / ORIGIN).read_bytes() != origin:
        shutil.rmtree(making, ignore_errors=True)  # an import of other pictures that was stopped
    replace(making / ORIGIN, origin)
    raw, clean, learnt, heldout = (
        str(project.dataset(side, making)) for side in ("", "clean", "train", "heldout")
    )
    kind = "zip" if inventory(settings.pictures)[1].is_file() else "folder"
    report = project.reports / "cleaning"
    importing = ["dataset", "import", kind, settings.pictures, "--out", raw]
    cleaning = ["dataset", "clean", raw, "--report", str(report), "--apply", "--out", clean]
    splitting = ["dataset", "split", clean, "--train", learnt, "--heldout", heldout]
    cache = ["--cache", str(project.cache)]
    code = (
        _run([*importing, *settings.options("import", "pictures")])
        or _run([*cleaning, *cache, *settings.options("clean")])
        or _run([*splitting, *cache, *settings.options("split")])
    )
    if code:
        return code
    change_places(making, project.data)
    project.sheets.mkdir(exist_ok=True)
    for side in ("train", "heldout"):
        sheet = ["--random", "0", "--out", str(project.sheets / f"{side}.png")]
        if code := _run(["dataset", "sheet", "--dataset", str(project.dataset(side)), *sheet]):
            return code
    say(
        f"look at {report / 'report.html'} and {project.sheets}. What should not be there, take out"
    )
    say("of the pictures' folder; what should stay, name in [clean] of project.toml; import again.")
    return _next(project, project.enough())


def train(arguments: argparse.Namespace) -> int:
    """Train, or go on; Ctrl-C keeps all."""
    for flag in DECIDED:
        # argparse takes abbreviations
        if any(flag.startswith(_flag(word)) for word in arguments.more if len(_flag(word)) > 2):
            raise ProjectError(f"{flag} is the project's own: {FILE} decides what is trained")
    project = _with_data()
    command = ["train", "--dataset", str(project.dataset("train")), "--run", str(project.run)]
    told = f"{FILE} or your command line" if arguments.more else FILE
    code = _run([*command, *project.settings.options("train"), *arguments.more], told)
    if sheets := sorted((project.run / "sheets").glob("*.png")):
        project.sheets.mkdir(exist_ok=True)
        shutil.copyfile(sheets[-1], project.sheets / "generated.png")
    seen, total = project.trained()
    if code == INTERRUPTED:
        say(f"stopped after {seen:,} of {total:,} images: the same command goes on")
    return code or _next(project, f"{project.weights}: {seen:,} of {total:,} images")


def evaluate(_: argparse.Namespace) -> int:
    """Measure the weights beside held-out pictures."""
    project = _with_weights()
    if project.measured():
        return _next(project, f"these weights are measured: {project.reports / 'evaluation.json'}")
    project.reports.mkdir(exist_ok=True)
    command = ["evaluate", "--weights", str(project.weights), *project.settings.options("evaluate")]
    command += ["--dataset", str(project.dataset("heldout")), "--cache", str(project.cache)]
    command += ["--training", str(project.dataset("train")), "--record"]
    measuring = project.evaluating()
    if code := _run([*command, "--out", str(project.reports / "evaluation.json")]):
        return code
    replace(project.evaluated, measuring)
    say(f"look at {project.sheets}: generated.png beside heldout.png")
    return _next(project, project.enough())


def publish(arguments: argparse.Namespace) -> int:
    """Export, index, audit, gate; then release and serve."""
    project = _with_weights()
    if not project.measured():
        complain("these weights are not measured as [evaluate] says: `anime-gan project evaluate`")
    if code := _export(project) or _index(project):
        return code
    if project.published() is None and not _waits(project):
        if code := _audit(project) or _gate(project, arguments.anyway):
            return code
        note = arguments.anyway or f"project {project.name}"
        repositories = ["--candidate", str(project.candidate), "--models", str(project.models)]
        command = ["models", "publish", "--name", project.name, *repositories, "--note", note]
        if code := _run(command):
            return code
    serving.add_search_models(project.models)
    if project.published() is not None or not project.index.exists():
        project.use_index()  # a first version; a later one brings its index with it, see below
    if arguments.no_serve:
        return _next(project, f"{project.models} and indexes/ are whole; nothing was started")
    say("\nstarting what serves it")
    settings = serving.start(project)
    for entry in serving.release(project, arguments.anyway or ""):
        say(f"{entry.action}: version {entry.version}, sha256 {entry.digest[:16]}")
    project.use_index()
    return _how_to_use(project, settings)


def start(_: argparse.Namespace) -> int:
    """Start what serves, as it was when it was stopped."""
    project = Project.here()
    if project.traffic() is None:
        raise ProjectError("nothing is published yet: `anime-gan project publish`")
    return _how_to_use(project, serving.start(project))


def status(_: argparse.Namespace) -> int:
    """Tell what is done, what is stale, and what comes next."""
    project = Project.here()
    for name, done, text in project.state():
        say(f"{'done' if done else 'to do':5}  {name:8}  {text}")
    return _next(project)


def rollback(_: argparse.Namespace) -> int:
    """Let the version before serve again."""
    project = Project.here()
    serving.start(project)
    entry = serving.go_back(project)
    say(f"{entry.action}: version {entry.version} serves, sha256 {entry.digest[:16]}")
    if not project.follow(entry.version):
        complain(f"{project.index} holds other images than version {entry.version} has learnt")
    return 0


def stop(_: argparse.Namespace) -> int:
    """Stop what `publish` or `start` has started."""
    say("stopped" if serving.stop(Project.here()) else "nothing was running")
    return 0


def _export(project: Project) -> int:
    """Export the weights beside the export that is there; they change places when it is whole."""
    if project.correct_licence():
        say(f"{project.weights}: the licence of what it has learnt is {project.licence} now")
    if project.exported() is not None:
        return 0
    making = project.candidate.with_name(f".{project.candidate.name}")
    shutil.rmtree(making, ignore_errors=True)
    replace(making / ORIGIN, project.exporting())
    command = ["export", "--weights", str(project.weights), *project.settings.options("export")]
    if code := _run([*command, "--models", str(making), "--name", project.name]):
        return code
    change_places(making, project.candidate)
    return 0


def _index(project: Project) -> int:
    """Build the index beside the one that is searched, which stays until a release."""
    if project.index_is_current():
        return 0
    command = ["index", "build", "--dataset", str(project.dataset("train"))]
    command += ["--heldout", str(project.dataset("heldout")), "--cache", str(project.cache)]
    return _run([*command, "--name", project.name, "--out", str(project.next_index)])


def _audit(project: Project) -> int:
    index = project.index if project.index_is_current() else project.next_index
    command = ["audit", "--models", str(project.candidate), "--model", project.name]
    command += ["--index", str(index), "--out", str(project.reports / "audit")]
    return _run(command + project.settings.options("audit"))


def _gate(project: Project, anyway: str | None) -> int:
    """Measure the export beside the version that serves; 0 if it may go on."""
    folder = project.reports / "gate"
    report = folder / f"{project.name}.json"
    report.unlink(missing_ok=True)
    command = ["models", "gate", "--name", project.name, "--candidate", str(project.candidate)]
    command += ["--models", str(project.models), "--dataset", str(project.dataset("heldout"))]
    command += ["--training", str(project.dataset("train")), "--cache", str(project.cache)]
    code = _run([*command, "--out", str(folder), *project.settings.options("gate")])
    if not code or not report.exists():
        return code
    story = json.loads(report.read_text(encoding="utf-8"))
    refused = ", ".join(check["key"] for check in story["checks"] if not check["passed"])
    say(f"the gate refuses it: {refused}. {project.enough()}")
    if anyway:
        say(f"it is published anyway: {anyway}")
        return 0
    say('train on, or take responsibility: anime-gan project publish --anyway "why"')
    return code


def _waits(project: Project) -> bool:
    """Whether the export is published, and not yet loaded."""
    traffic = project.traffic()
    return traffic is not None and project.is_export(traffic.candidate)


def _how_to_use(project: Project, settings: StackSettings) -> int:
    """Tell how to reach what is served; return 0."""
    name, addresses = project.name, ["", ""]
    ports = settings.generator_port, settings.similarity_port
    if ports != (StackSettings.generator_port, StackSettings.similarity_port):
        addresses = [f" --target 127.0.0.1:{port}" for port in ports]
    say(f"\n{name} is served. Draw with it, and search what it has learnt from:")
    say(f"  anime-gan generate --model {name} --count 64 --out faces.png{addresses[0]}")
    say(f"  anime-gan search PICTURE ...{addresses[1]}")
    say("stop it: anime-gan project stop; start it again: anime-gan project start")
    return 0


def _with_data() -> Project:
    """The project, once it has images; warns if these are not those of the pictures now.

    Raises:
        ProjectError: it has none.
    """
    project = Project.here()
    if not project.data_is_made():
        raise ProjectError("there are no images yet: `anime-gan project import`")
    if change := project.change():
        complain(
            f"{change}: it goes on with what was imported. `anime-gan project import` takes in "
            "what there is now; a training then begins anew"
        )
    return project


def _with_weights() -> Project:
    """As `_with_data`, once something was learnt.

    Raises:
        ProjectError: nothing was.
    """
    project = _with_data()
    if not project.weights.exists():
        raise ProjectError(f"{project.weights} is missing: `anime-gan project train`")
    return project


def _flag(word: str) -> str:
    """The option that a word of a command line names; nothing if it is a value."""
    return word.partition("=")[0] if word.startswith("--") else ""


def _run(command: Sequence[str], told: str = FILE) -> int:
    """Show a command of `anime-gan`, run it, and tell how long it took; return its exit code.

    Args:
        command: its arguments.
        told: where its options come from, for who has to look for a wrong one.
    """
    say(f"\n$ anime-gan {shlex.join(command)}")
    sys.stdout.flush()
    begun = time.monotonic()
    try:
        code = anime_gan(command)
    except SystemExit as error:  # argparse: an option cannot be, or --help was one
        code = int(error.code or 0)
        if code:
            complain(f"the options come from {told}")
    if not code:
        say(f"({_duration(time.monotonic() - begun)})")
    return code


def _duration(seconds: float) -> str:
    minutes, rest = divmod(round(seconds), 60)
    return f"{minutes} min {rest:02} s" if minutes else f"{rest} s"


def _next(project: Project, told: str = "") -> int:
    """Tell what comes next; return 0."""
    if told:
        say(told)
    done = {name for name, done, _ in project.state() if done}
    step = next((name for name in STEPS if name not in done), None)
    say(f"next: anime-gan project {step}" if step else "all is done, and up to date")
    return 0


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(
        prog="anime-gan project",
        description=DESCRIPTION,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    steps = parser.add_subparsers(required=True, metavar="STEP")

    def add(name: str, step: Step, text: str) -> argparse.ArgumentParser:
        found: argparse.ArgumentParser = steps.add_parser(name, help=text, description=f"{text}.")
        found.set_defaults(step=step)
        if step is new:
            found.set_defaults(project=Path())
        else:
            found.add_argument(
                "--project", type=Path, default=Path(), metavar="DIR", help="default: this folder"
            )
        return found

    begin = add("new", new, "write a project.toml that explains itself, and nothing else")
    begin.add_argument("folder", type=Path, metavar="DIR", help="outside the checkout")
    begin.add_argument(
        "--pictures", type=Path, required=True, help="a folder with all below it, or a zip"
    )
    begin.add_argument(
        "--licence",
        type=words,
        required=True,
        help="of the pictures, and so of the weights: SPDX, or LicenseRef-private and the like",
    )
    begin.add_argument("--name", help="of the served model (default: the folder's)")
    begin.add_argument(
        "--preset",
        choices=sorted(PRESETS),
        metavar="NAME",
        default="stylegan-64-cpu",
        help=f"what to train: {', '.join(sorted(PRESETS))} (default: %(default)s)",
    )
    add("import", take_in, "import the pictures, clean them, and hold some out; again: changes")
    learn = add("train", train, "train, or go on with it; Ctrl-C keeps all")
    learn.epilog = "Further options go to `anime-gan train`, such as --threads 1."
    add("evaluate", evaluate, "measure it beside pictures that no training saw")
    out = add("publish", publish, "export, index, audit, gate, release, and serve on this machine")
    out.add_argument(
        "--anyway", type=words, metavar="WHY", help="publish what the gate refuses; goes on record"
    )
    out.add_argument("--no-serve", action="store_true", help="make all of it, start nothing")
    add("rollback", rollback, "let the version serve again that served before the last one")
    add("stop", stop, "stop what serves")
    add("start", start, "start again what was stopped; nothing is made or released")
    add("status", status, "tell what is done, what is stale, and what comes next")
    return parser


# What a step keeps other steps from writing meanwhile. A training takes hours: what serves can be
# started and rolled back beside it, and always be stopped.
LOCKS: dict[Step, tuple[Path, ...]] = {
    take_in: (Path(),),
    train: (Path(),),
    evaluate: (Path(),),
    publish: (Path(), Project.stack),
    start: (Project.stack,),
    rollback: (Project.stack,),
}


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
