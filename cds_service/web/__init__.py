"""Flask: create_app is the composition root, one blueprint a concern."""

from __future__ import annotations

from cds_service.web.application import create_app

__all__ = ["create_app"]
