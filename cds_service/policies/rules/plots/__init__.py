"""Plots of one member's chart, each beside the section that it speaks to; data only."""

from __future__ import annotations

from collections.abc import Callable, Mapping

from cds_service.engine.plot_data import PlotData
from cds_service.policies.rules.case import Case
from cds_service.policies.rules.plots.c_peptide import c_peptide_plot
from cds_service.policies.rules.plots.days import days_plot
from cds_service.policies.rules.plots.hba1c import hba1c_plot
from cds_service.policies.rules.plots.hours import hours_plot
from cds_service.policies.rules.plots.regimen import regimen_plot

# By the general name of what each one shows.
PLOTS: Mapping[str, Callable[[Case, str], PlotData | None]] = {
    "injection-regimen": regimen_plot,
    "self-testing": days_plot,
    "hba1c": hba1c_plot,
    "hours-of-the-day": hours_plot,
    "c-peptide": c_peptide_plot,
}


def plots_of(sections: Mapping[str, str]) -> Callable[[Case], list[PlotData]]:
    """The plots of a policy: by their names the section that each one stands beside, in the policy's order.

    KeyError for a name that is not of PLOTS. Plots that would be empty are left out.
    """
    wanted = [(PLOTS[name], section) for name, section in sections.items()]

    def plots(case: Case) -> list[PlotData]:
        made = (plot(case, section) for plot, section in wanted)
        return [plot for plot in made if plot is not None]

    return plots
