"""What the demo's pages may load, and where their forms may end."""

from __future__ import annotations

from flask import Response, current_app

from cds_service.web.http.security_headers import apply_security_headers


def guarded(response: Response) -> Response:
    """The pages run their own script, and send forms to this service only, by whichever of its names it is called."""
    return apply_security_headers(response, script="'self'", forms=[current_app.config["SETTINGS"].public_url])
