"""Builds an image file without Docker and without a registry: buildah, on a base made of Debian.

The base stands in for docker.io/library/python:3.11-slim-bookworm: the same distribution, with
Debian's own Python 3.11. Images and containers live in a folder of their own.
"""

import json
import os
import subprocess
from pathlib import Path

from deploy.local.runtime import PROJECT

BASE = "docker.io/library/python:3.11-slim-bookworm"
MIRROR = "http://deb.debian.org/debian"

# Where the machine trusts a mirror of PyPI by a certificate of its own, so must the build.
_CERTIFICATES = Path("/etc/ssl/certs")


class Builder:
    """One store of images."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder
        self._buildah = ["buildah", "--root", f"{folder}/root", "--runroot", f"{folder}/run"]

    def make_base(self) -> None:
        """Make the base out of Debian's packages: a minute."""
        system = self._folder / "base"
        packages = "--include=ca-certificates,python3-venv"
        run("debootstrap", "--variant=minbase", packages, "bookworm", str(system), MIRROR)
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

    def remove(self) -> None:
        """Remove all containers and images of this store."""
        self.buildah("rm", "--all")
        self.buildah("rmi", "--all", "--force")

    def buildah(self, *arguments: str) -> str:
        """Run buildah; return what it says."""
        return run(*self._buildah, *arguments).strip()


def run(*command: str) -> str:
    """Run a command in the project; its last words are the failure's message."""
    result = subprocess.run(
        command, cwd=PROJECT, capture_output=True, text=True, check=False, env=os.environ
    )
    assert result.returncode == 0, (result.stdout + result.stderr)[-4000:]
    return result.stdout
