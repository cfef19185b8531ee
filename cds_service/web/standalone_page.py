"""Pages that are files: each needs nothing beside it, and is not served."""

from __future__ import annotations

from collections.abc import Iterable
from importlib.resources import files
from typing import Any

from jinja2 import Environment, PackageLoader, StrictUndefined, select_autoescape

_PACKAGE = "cds_service.web"


def standalone_page(template: str, styles: Iterable[str], **values: Any) -> str:
    """A template as HTML. `styles`: the files of static/ that stand inside it; `values`: what the template names."""
    pages = Environment(
        loader=PackageLoader(_PACKAGE),
        autoescape=select_autoescape(),
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
    )
    static = files(_PACKAGE).joinpath("static")
    style = "\n".join(static.joinpath(name).read_text(encoding="utf-8") for name in styles)
    return pages.get_template(template).render(style=style, **values)
