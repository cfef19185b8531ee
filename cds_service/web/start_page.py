"""/: what is served here: health, the services with their discovery, the policies, and the interface for people."""

from __future__ import annotations

from typing import Any

from flask import Blueprint, Response, current_app, render_template

from cds_service.hooks.discovery import BASES, CRD_2_0, PLAIN, ServiceBase, discovery
from cds_service.policies import registry
from cds_service.services.record_call import software_version
from cds_service.web.api_view import groups_of, schemas_of
from cds_service.web.http.health import faults
from cds_service.web.http.security_headers import apply_security_headers
from cds_service.web.json_view import folded
from cds_service.web.openapi.document import document

blueprint = Blueprint("start", __name__)
ENDPOINT = "start.page"
_TITLES = {
    CRD_2_0.path: "For EHRs that speak Da Vinci CRD 2.0 and CDS Hooks 2.0",
    PLAIN.path: "For EHRs that speak CDS Hooks alone",
}
_ALL = "For EHRs that speak Da Vinci CRD 2.1 or 2.2 (the plain services are there as well)"


@blueprint.after_request
def guarded(response: Response) -> Response:
    """The page may load its stylesheets and run its own script; nothing else."""
    return apply_security_headers(response, script="'self'")


# Not strict: a request without any path is answered, not redirected to the host that it names.
@blueprint.get("/", strict_slashes=False)
def page() -> str:
    """The start page: every service of every base URL, and every policy with whether it is in use."""
    settings = current_app.config["SETTINGS"]
    in_use = registry.policies_in_use(settings.policies)
    described = document(settings)
    return render_template(
        "start.html",
        bases=[_base(base, in_use) for base in BASES],
        policies=registry.POLICIES,
        in_use=in_use,
        faults=faults(),
        version=software_version(),
        store=current_app.config["STORE"] is not None,
        authenticates=settings.authenticates,
        public_url=settings.public_url,
        groups=groups_of(described),
        schemas=schemas_of(described),
    )


def _base(base: ServiceBase, in_use: Any) -> dict[str, Any]:
    """One base URL with its services and its discovery document, folded."""
    found = discovery(base, in_use)
    return {
        "path": base.path,
        "title": _TITLES.get(base.path, _ALL),
        "services": found["services"],
        "markup": folded(found),
    }
