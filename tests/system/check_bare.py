"""Run the README's two commands where nothing but Python and make is: `make check-bare`.

For each release of Debian, mmdebstrap makes a root with python3, python3-venv, make and
certificates: no compiler, no git, no graphics library. It gets a clone of HEAD, and somebody who is
not root runs the commands there, by chroot. How this machine reaches its package registries (names,
certificates, pip's configuration and environment) is passed on as it is.

It takes root, and the programs mmdebstrap, git, mount, tar and unshare, but no package of PyPI.
"""

from __future__ import annotations

import argparse
import os
import re
import shlex
import shutil
import signal
import subprocess
import sys
import time
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

PROJECT = Path(__file__).resolve().parents[2]
RELEASES = ("bookworm", "trixie")  # Debian 12 with Python 3.11, Debian 13 with Python 3.13
COMMANDS = ("demo", "test")
PACKAGES = "python3,python3-venv,make,ca-certificates"
PROGRAMS = ("mmdebstrap", "git", "mount", "tar", "unshare")
# No mount outlasts the command, however it ends: a root can be removed, and nothing but it.
ALONE = ("unshare", "--mount", "--propagation=private", "--")

USER, UID = "somebody", 1000
HOME = Path("/home") / USER
CHECKOUT = HOME / "anime-gan"
SHOWN = 60  # lines of the log of a command that fails

# What tells how registries are reached: variables, files below / and below the home folder.
VARIABLES = re.compile(r"PIP_\w+|SSL_CERT_\w+|REQUESTS_CA_BUNDLE|(?i:https?|all|no)_(?i:proxy)")
FILES = ("etc/resolv.conf", "etc/hosts", "etc/pip.conf", "etc/xdg/pip", "etc/ssl/certs")
HOME_FILES = (".config/pip",)


def main() -> int:
    """Check; 1 where a command failed, 2 where nothing can be checked."""
    options = parser().parse_args()
    signal.signal(signal.SIGTERM, signal.default_int_handler)  # what runs in a root is ended, too
    missing = [name for name in PROGRAMS if not shutil.which(name)]
    if missing or os.geteuid() != 0:
        say(f"needs {'the programs ' + ' '.join(missing) if missing else 'root, for chroot'}")
        return 2
    options.folder.mkdir(parents=True, exist_ok=True)
    with ThreadPoolExecutor() as threads:
        folders = [options.folder.resolve() / release for release in options.roots]
        list(threads.map(make_root, options.roots, folders))
    failed = []
    for root in folders:
        for command in options.commands:
            if not passes(root, command):
                failed.append(f"make {command} on {root.name}")
        if not options.keep:
            shutil.rmtree(root)
    say(f"failed: {', '.join(failed)}" if failed else "all of it works")
    return int(bool(failed))


def make_root(release: str, root: Path) -> None:
    """Make a root of nothing, with what this machine knows of its network and a clone of HEAD.

    The archive of its packages stays beside it, for the next time.
    """
    began = time.monotonic()
    archive = root.with_name(f"{release}.tar")
    if not archive.exists():
        made = root.with_name(f"{release}.part.tar")
        bare = ["mmdebstrap", "--quiet", "--variant=minbase", f"--include={PACKAGES}"]
        subprocess.run([*ALONE, *bare, release, str(made)], check=True)
        made.rename(archive)
    if root.exists():
        shutil.rmtree(root)
    root.mkdir()
    subprocess.run(["tar", "-C", str(root), "--exclude=./dev/*", "-xf", str(archive)], check=True)
    for name in FILES:
        copy(Path("/") / name, root / name)
    for name in HOME_FILES:
        copy(Path.home() / name, inside(root, HOME) / name)
    inside(root, HOME).mkdir(parents=True, exist_ok=True)
    clone = ["git", "clone", "--quiet", "--depth=1", f"file://{PROJECT}"]
    subprocess.run([*clone, str(inside(root, CHECKOUT))], check=True)
    with (root / "etc" / "passwd").open("a") as accounts:
        accounts.write(f"{USER}:x:{UID}:{UID}::{HOME}:/bin/bash\n")
    subprocess.run(["chown", "-R", f"{UID}:{UID}", str(inside(root, HOME))], check=True)
    say(f"{release}: a bare root after {time.monotonic() - began:.0f} s")


def passes(root: Path, command: str) -> bool:
    """Whether `make COMMAND` works there; shows the end of its log where it does not."""
    log = root.with_name(f"{root.name}-{command}.log")
    mounts = [f"mount -t proc proc {inside(root, '/proc')}"]
    for folder in ("/dev", "/sys", *local_folders()):
        place = inside(root, folder)
        place.mkdir(parents=True, exist_ok=True)
        mounts.append(f"mount --rbind {shlex.quote(str(folder))} {shlex.quote(str(place))}")
    work = f'cd {CHECKOUT} && exec make "$0" PYTHON=python3'
    enter = ["chroot", f"--userspec={UID}:{UID}", str(root), "/bin/bash", "-c", work, command]
    no_process_left = ["unshare", "--pid", "--fork", "--kill-child", "--"]
    script = " && ".join([*mounts, f"exec {shlex.join(enter)}"])
    began = time.monotonic()
    with log.open("wb") as output:
        done = subprocess.run(
            [*ALONE, *no_process_left, "/bin/sh", "-c", script],
            stdin=subprocess.DEVNULL,
            stdout=output,
            stderr=subprocess.STDOUT,
            env=environment(),
            check=False,
        )
    works = done.returncode == 0
    if not works:
        sys.stderr.write("\n".join(log.read_text(errors="replace").splitlines()[-SHOWN:]) + "\n")
    verdict = "ok" if works else f"failed, {log} holds all of it"
    say(f"{root.name}: make {command}: {verdict}, {time.monotonic() - began:.0f} s")
    return works


def environment() -> dict[str, str]:
    """What a new user's login sets, and how this machine reaches registries."""
    network = {name: value for name, value in os.environ.items() if VARIABLES.fullmatch(name)}
    path = "/usr/local/bin:/usr/bin:/bin:/usr/sbin:/sbin"
    return {"HOME": str(HOME), "USER": USER, "PATH": path, "LANG": "C.UTF-8", **network}


def local_folders() -> list[Path]:
    """Folders of this machine from which pip is told to install, too."""
    listed = subprocess.run(
        [sys.executable, "-m", "pip", "config", "list"], capture_output=True, text=True, check=True
    )
    # An index refers to files beside it.
    beside = [Path(index).parent for index in re.findall(r"file://(/[^\s']+)", listed.stdout)]
    links = [Path(place) for place in re.findall(r"find-links='(/[^\s']+)'", listed.stdout)]
    return [folder for folder in dict.fromkeys([*beside, *links]) if folder.is_dir()]


def copy(source: Path, target: Path) -> None:
    """Put a file or a folder in the place of another, files in the place of links to them."""
    if source.is_dir():
        shutil.rmtree(target, ignore_errors=True)
        shutil.copytree(source, target, ignore_dangling_symlinks=True)
    elif source.is_file():
        target.parent.mkdir(parents=True, exist_ok=True)
        target.unlink(missing_ok=True)
        shutil.copy(source, target)


def inside(root: Path, path: Path | str) -> Path:
    """Where an absolute path of the root lies on this machine."""
    return root / Path(path).relative_to("/")


def say(line: str) -> None:
    """Tell the user, at once: a root takes minutes."""
    sys.stderr.write(f"check-bare: {line}\n")
    sys.stderr.flush()


def parser() -> argparse.ArgumentParser:
    """The command line."""
    parser = argparse.ArgumentParser(
        prog="check_bare.py", description=__doc__, formatter_class=argparse.RawTextHelpFormatter
    )
    parser.add_argument(
        "commands",
        nargs="*",
        default=COMMANDS,
        metavar="TARGET",
        help="of the Makefile (default: demo test)",
    )
    parser.add_argument(
        "--roots", nargs="+", default=RELEASES, metavar="RELEASE", help="default: bookworm trixie"
    )
    parser.add_argument(
        "--folder",
        type=Path,
        default=PROJECT / ".local" / "bare",
        help="where roots and logs lie (default: %(default)s)",
    )
    parser.add_argument("--keep", action="store_true", help="do not remove the roots")
    return parser


if __name__ == "__main__":
    sys.exit(main())
