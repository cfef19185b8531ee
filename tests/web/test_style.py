"""The stylesheet: text on each ground has the contrast that WCAG AA asks for, in light and in dark."""

import re
from pathlib import Path

import pytest

import cds_service.web

CSS = (Path(cds_service.web.__file__).parent / "static" / "style.css").read_text(encoding="utf-8")
LEAST = 4.5
PAIRS = [
    *(("text", ground) for ground in ("page", "surface", "found", "info-back")),
    *(("muted", ground) for ground in ("page", "surface", "found")),
    *(("link", ground) for ground in ("page", "surface", "found", "info-back")),
    *((word, f"{word}-back") for word in ("good", "bad", "open", "calm", "info")),
    *(("calm", ground) for ground in ("page", "found")),
    ("bar-text", "bar"),
    ("surface", "link"),
]


def _colours(scheme: str) -> dict[str, str]:
    light, dark = CSS.split("@media screen and (prefers-color-scheme: dark)", 1)
    found = dict(re.findall(r"--([a-z-]+): (#[0-9a-f]{6});", light))
    if scheme == "dark":
        found |= dict(re.findall(r"--([a-z-]+): (#[0-9a-f]{6});", dark))
    return found


def _luminance(colour: str) -> float:
    """Relative luminance as WCAG 2 defines it."""
    channels = [int(colour[i : i + 2], 16) / 255 for i in (1, 3, 5)]
    red, green, blue = (c / 12.92 if c <= 0.03928 else ((c + 0.055) / 1.055) ** 2.4 for c in channels)
    return 0.2126 * red + 0.7152 * green + 0.0722 * blue


@pytest.mark.parametrize("scheme", ["light", "dark"])
@pytest.mark.parametrize(("ink", "ground"), PAIRS)
def test_text_can_be_read(scheme: str, ink: str, ground: str) -> None:
    colours = _colours(scheme)
    darker, lighter = sorted((_luminance(colours[ink]), _luminance(colours[ground])))
    assert (lighter + 0.05) / (darker + 0.05) >= LEAST
