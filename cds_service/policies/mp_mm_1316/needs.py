"""Names that consumers not yet written against the Policy still import."""

from cds_service.facts import SECTION_NAMES as NAMES
from cds_service.policies.mp_mm_1316 import POLICY

FEEDS = POLICY.dependencies
feeds_any = POLICY.on(POLICY.first_day()).feeds_any
__all__ = ["FEEDS", "NAMES", "feeds_any"]
