"""Plots of one member's chart, each beside the section that it speaks to; data only."""

from __future__ import annotations

from cds_service.engine.plot_data import PlotData
from cds_service.policies.mp_mm_1316.case import Case
from cds_service.policies.mp_mm_1316.plots.days import days_plot
from cds_service.policies.mp_mm_1316.plots.hba1c import hba1c_plot
from cds_service.policies.mp_mm_1316.plots.hours import hours_plot
from cds_service.policies.mp_mm_1316.plots.regimen import regimen_plot

_PLOTS = (regimen_plot, days_plot, hba1c_plot, hours_plot)


def plots(case: Case) -> list[PlotData]:
    """The plots in the order of the policy, without those that would be empty."""
    made = (plot(case) for plot in _PLOTS)
    return [plot for plot in made if plot is not None]
