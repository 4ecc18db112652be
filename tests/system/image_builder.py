"""Builds an image file without Docker and without a registry: buildah, on a base made of Debian.

The base stands in for docker.io/library/python:3.11-slim-bookworm: the same distribution, with
Debian's own Python 3.11, made of packages by mmdebstrap. Images, containers and scratch files lie
in one folder, and every command has a mount namespace of its own: however it ends, no mount stays.
"""

import json
import os
import shutil
import subprocess
from pathlib import Path
from typing import Self

from deploy.local.runtime import PROJECT

BASE = "docker.io/library/python:3.11-slim-bookworm"
MIRROR = "http://deb.debian.org/debian"

# Where the machine trusts a mirror of PyPI by a certificate of its own, so must the build.
_CERTIFICATES = Path("/etc/ssl/certs")


# What was mounted goes with the process, even where that is killed.
_ALONE = ("unshare", "--mount", "--propagation=private", "--")


class Builder:
    """One store of images; its folder is gone after the `with` block."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder
        self._buildah = (*_ALONE, "buildah", f"--root={folder}/root", f"--runroot={folder}/run")

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        shutil.rmtree(self._folder)

    def make_base(self) -> None:
        """Make the base out of Debian's packages: most of a minute."""
        system = self._folder / "base.tar"
        options = ["--variant=minbase", "--include=ca-certificates,python3-venv"]
        # Device files cannot be made everywhere, and buildah has its own.
        options += ["--skip=output/dev", "--quiet"]
        self._run(*_ALONE, "mmdebstrap", *options, "bookworm", str(system), MIRROR)
        container = self.buildah("from", "scratch")
        self.buildah("add", "--quiet", container, str(system), "/")
        self.buildah("commit", "--quiet", "--rm", container, BASE)

    def build(self, service: str) -> str:
        """Build the image of a service, as `make image-<service>` does; return its name."""
        name = f"anime-gan/{service}:test"
        file = f"deploy/images/{service}.Dockerfile"
        options = ["--quiet", "--isolation=chroot", "--pull-never", "--file", file, "--tag", name]
        if _CERTIFICATES.is_dir():
            options.append(f"--volume={_CERTIFICATES}:{_CERTIFICATES}:ro")
        self.buildah("bud", *options, ".")
        return name

    def container(self, image: str) -> str:
        """Make a container of an image; return its name."""
        return self.buildah("from", "--pull-never", image)

    def command(self, container: str, *arguments: str) -> list[str]:
        """The command line that runs something in a container, as the image's user."""
        return [*self._buildah, "run", "--isolation=chroot", container, "--", *arguments]

    def config(self, image: str) -> dict:
        """The image's user, entry point and the like, as the OCI names them."""
        return json.loads(self.buildah("inspect", "--type=image", image))["OCIv1"]["config"]

    def megabytes(self, image: str) -> float:
        """Size of an image, without compression: 10**6 bytes."""
        (listed,) = json.loads(self.buildah("images", "--json", image))
        text = listed["size"].split()
        return float(text[0]) * {"MB": 1, "GB": 1000}[text[1]]

    def buildah(self, *arguments: str) -> str:
        """Run buildah; return what it says."""
        return self._run(*self._buildah, *arguments).strip()

    def _run(self, *command: str) -> str:
        """Run a command in the project; its last words are the failure's message."""
        environment = os.environ | {"TMPDIR": str(self._folder)}
        result = subprocess.run(
            command, cwd=PROJECT, capture_output=True, text=True, check=False, env=environment
        )
        assert result.returncode == 0, (result.stdout + result.stderr)[-4000:]
        return result.stdout
