"""Programs in Java that tests run: what they run on is fetched by Maven, once, as a pom.xml beside them says.

The class path is kept in the platform's folder for temporary files.
"""

from __future__ import annotations

import hashlib
import os
import shutil
import subprocess
import tempfile
from functools import cache
from pathlib import Path

FETCH_SECONDS = 600


class MavenError(Exception):
    """What a program runs on cannot be had."""


@cache
def why_not(pom: Path, what: str) -> str | None:
    """Why a program cannot run here, None when it can: no JDK, no Maven, or artifacts that cannot be had.

    A JRE is not enough: sources are compiled as they start.
    """
    missing = [name for name in ("java", "javac", "mvn") if shutil.which(name) is None]
    if missing:
        return f"{what} needs {', '.join(missing)} (Debian: maven, default-jdk-headless)"
    try:
        class_path(pom, what)
    except MavenError as error:
        return str(error)
    return None


def class_path(pom: Path, what: str) -> str:
    """The class path that a pom.xml describes, resolved once."""
    kept = Path(tempfile.gettempdir()) / f"pump-cds-java-{hashlib.sha256(pom.read_bytes()).hexdigest()[:16]}"
    if kept.exists() and all(Path(jar).exists() for jar in kept.read_text(encoding="utf-8").split(os.pathsep)):
        return kept.read_text(encoding="utf-8")
    with tempfile.TemporaryDirectory() as folder:
        found = Path(folder) / "class-path"
        command = ["mvn", "-q", "-B", "-f", str(pom), "dependency:build-classpath", f"-Dmdep.outputFile={found}"]
        try:
            ended = subprocess.run(command, capture_output=True, text=True, timeout=FETCH_SECONDS, check=False)
        except subprocess.TimeoutExpired as error:
            raise MavenError(f"Maven did not fetch {what} within {FETCH_SECONDS} s") from error
        if ended.returncode != 0 or not found.exists():
            words = " ".join((ended.stdout + ended.stderr).split())[-400:]
            raise MavenError(f"Maven cannot fetch {what}: {words}")
        text = found.read_text(encoding="utf-8").strip()
        # Written beside and moved, so that another run never reads half of it.
        half = kept.with_suffix(f".{os.getpid()}")
        half.write_text(text, encoding="utf-8")
        half.replace(kept)
    return text
