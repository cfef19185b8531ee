"""Names that consumers not yet written against the Policy still import."""

from cds_service.engine.remedies import LONGEST_STEP
from cds_service.policies.mp_mm_1316 import POLICY

_R = POLICY.on(POLICY.first_day()).remedies
next_step, what_helps, how_to_close = _R.next_step, _R.what_helps, _R.how_to_close
__all__ = ["LONGEST_STEP", "how_to_close", "next_step", "what_helps"]
