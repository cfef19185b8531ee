"""/: what is served here: the services, the policies, health, and the description of the interface."""

from __future__ import annotations

from flask import Blueprint, Response, current_app, render_template

from cds_service.hooks.discovery import BASES, discovery
from cds_service.policies import registry
from cds_service.web.http.security_headers import apply_security_headers

blueprint = Blueprint("start", __name__)
ENDPOINT = "start.page"


@blueprint.after_request
def guarded(response: Response) -> Response:
    """The page may load its stylesheet; nothing else."""
    return apply_security_headers(response)


# Not strict: a request without any path is answered, not redirected to the host that it names.
@blueprint.get("/", strict_slashes=False)
def page() -> str:
    """The start page: every service of every base URL, and every policy with whether it is in use."""
    in_use = registry.policies_in_use(current_app.config["SETTINGS"].policies)
    services = [
        (f"{base.path}/cds-services", service) for base in BASES for service in discovery(base, in_use)["services"]
    ]
    return render_template("start.html", services=services, policies=registry.POLICIES, in_use=in_use)
