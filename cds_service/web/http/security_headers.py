"""Security headers: what a page may load, where its forms may be sent and where it may be framed."""

from __future__ import annotations

from collections.abc import Iterable

from flask import Response


def apply_security_headers(
    response: Response, *, script: str = "'none'", frames: Iterable[str] = (), forms: Iterable[str] = ()
) -> Response:
    """The page may load its own stylesheet and send forms to its own host; nothing of other hosts.

    `script`: the CSP source of scripts; `frames`: origins of pages that may show it in a frame; `forms`: other origins
    that its forms may be sent or redirected to.
    """
    rules = {
        "default-src": "'none'",
        "script-src": script,
        "connect-src": script,
        "style-src": "'self'",
        "img-src": "data:",
        "form-action": " ".join(("'self'", *forms)),
        "base-uri": "'none'",
        "frame-ancestors": " ".join(frames) or "'none'",
    }
    response.headers["Content-Security-Policy"] = "; ".join(f"{name} {value}" for name, value in rules.items())
    response.headers["X-Content-Type-Options"] = "nosniff"
    response.headers["Referrer-Policy"] = "no-referrer"
    return response
