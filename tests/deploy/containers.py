"""Builds the image of the Dockerfile and runs containers of it, with Debian's buildah, podman and runc.

No registry of images is asked: the base image is a root file system that mmdebstrap makes of Debian's packages.
Everything lies in a folder of the test's own.
"""

from __future__ import annotations

import os
import shutil
import subprocess
from pathlib import Path
from uuid import uuid4

ROOT = Path(__file__).parents[2]
TOOLS = ("buildah", "podman", "runc", "mmdebstrap")
BASE, IMAGE = "localhost/python-of-debian", "localhost/insulin-pump-cds"
# What Dockerfile asks for in place of BASE.
_PACKAGES = "python3,python3-venv,ca-certificates"
_CERTIFICATES = "/etc/ssl/certs/ca-certificates.crt"
# Lower than the defaults, which a machine that is a container itself may not be allowed to set.
_LIMITS = ("--ulimit", "nofile=1024:1024", "--ulimit", "nproc=512:512")
# As compose.yaml runs it.
_LOCKED_DOWN = (
    "--read-only",
    "--read-only-tmpfs=false",
    "--cap-drop=ALL",
    "--security-opt=no-new-privileges",
)


class Failed(Exception):
    """A command ended with an error; the message is what it printed."""


def missing_tools() -> list[str]:
    return [tool for tool in TOOLS if shutil.which(tool) is None]


class Containers:
    """Images and containers of one test run."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder
        store = ("--root", str(folder / "store"), "--runroot", str(folder / "run"), "--storage-driver", "overlay")
        self._buildah = ("buildah", *store)
        self._podman = ("podman", *store, "--runtime", "runc")
        self._running: list[str] = []

    def build(self) -> None:
        """Builds the image on a base of Debian's packages."""
        archive = self._folder / "base.tar"
        run("mmdebstrap", "--quiet", "--variant=minbase", f"--include={_PACKAGES}", "bookworm", str(archive))
        base = run(*self._buildah, "from", "scratch")
        run(*self._buildah, "add", "--quiet", base, str(archive), "/")
        # Packages are had as this machine has them, with the certificates that it trusts.
        run(*self._buildah, "copy", "--quiet", base, os.environ.get("PIP_CERT", _CERTIFICATES), _CERTIFICATES)
        run(*self._buildah, "config", "--env", f"PIP_CERT={_CERTIFICATES}", base)
        run(*self._buildah, "commit", "--quiet", "--rm", base, BASE)
        archive.unlink()
        # Docker's own format: the other one has no health check.
        options = ("--quiet", "--format", "docker", "--isolation", "chroot", "--build-arg", f"BASE={BASE}")
        run(*self._buildah, "bud", *options, "--tag", IMAGE, str(ROOT))

    def start(self, *command: str, options: tuple[str, ...] = (), network: str = "none") -> str:
        """A container in the background, locked down; its name. Without a network there is its own loopback."""
        name = f"pump-{uuid4().hex[:8]}"
        arguments = ("--detach", "--name", name, "--network", network, *_LIMITS, *_LOCKED_DOWN, *options)
        run(*self._podman, "run", *arguments, IMAGE, *command)
        self._running.append(name)
        return name

    def once(self, *command: str, options: tuple[str, ...] = ()) -> str:
        """What a container prints that ends by itself; Failed when it ends with an error."""
        return run(
            *self._podman, "run", "--rm", "--network", "none", *_LIMITS, *_LOCKED_DOWN, *options, IMAGE, *command
        )

    def execute(self, name: str, *command: str, text: str = "") -> str:
        """What a command prints inside of a running container. `text`: its standard input."""
        return run(*self._podman, "exec", "--interactive", name, *command, text=text)

    def is_healthy(self, name: str) -> bool:
        """Whether the image's own health check succeeds."""
        try:
            run(*self._podman, "healthcheck", "run", name)
        except Failed:
            return False
        return True

    def logs(self, name: str) -> str:
        return run(*self._podman, "logs", name)

    def stop(self, name: str) -> int:
        """Stops a container as compose.yaml does; its exit code, 137 when it had to be killed."""
        run(*self._podman, "stop", "--time", "20", name)
        return int(run(*self._podman, "inspect", "--format", "{{.State.ExitCode}}", name))

    def remove(self) -> None:
        """Removes every container that was started, and all files."""
        for name in self._running:
            run(*self._podman, "rm", "--force", "--time", "5", name)
        run(*self._podman, "rmi", "--all", "--force")
        run(*self._buildah, "rm", "--all")
        shutil.rmtree(self._folder, ignore_errors=True)


def run(*command: str, text: str = "") -> str:
    """What a command prints; Failed when it ends with an error."""
    done = subprocess.run(command, input=text, capture_output=True, text=True, timeout=600, check=False)
    if done.returncode != 0:
        raise Failed(f"{' '.join(command[:2])} ended with {done.returncode}: {(done.stdout + done.stderr)[-4000:]}")
    return done.stdout.strip()
