"""Anthem clinical guideline CG-DME-51, External Insulin Pumps: data over the shared rules (policy.toml)."""

from __future__ import annotations

from cds_service.policies.load_package import load_policy

POLICY = load_policy(__name__)
