"""Plots of one member's chart, each beside the part of the policy that it speaks to."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import date
from typing import Any

from cds_service.facts import Chart, DeviceOrder, Scope
from cds_service.policies.mp_mm_1316.case import Case
from cds_service.web.plots.days import days_plot
from cds_service.web.plots.hba1c import hba1c_plot
from cds_service.web.plots.hours import hours_plot
from cds_service.web.plots.parts import ChartPlot
from cds_service.web.plots.regimen import regimen_plot

__all__ = ["ChartPlot", "chart_plots"]

# The rules are asked of a case; what is drawn here does not depend on the order.
_ANY_ORDER = DeviceOrder("", "DeviceRequest", "", Scope.PUMP)
_PLOTS = (regimen_plot, days_plot, hba1c_plot, hours_plot)


def chart_plots(chart: Chart, as_of: date, parameters: Mapping[str, Any]) -> list[ChartPlot]:
    """The plots in the order of the policy (D.I.F, D.I.G, D.I.I.1, D.I.I.4), without those that would be empty.

    `parameters`: the policy's values in force on `as_of`. The same input gives the same bytes, in any thread.
    """
    case = Case(_ANY_ORDER, chart, as_of, parameters)
    made = (plot(case) for plot in _PLOTS)
    return [each for each in made if each is not None]
