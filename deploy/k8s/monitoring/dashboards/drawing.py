"""Draws panels with Grafana's own types."""

import json
from typing import Any

from grafana_foundation_sdk.builders import common, heatmap, prometheus, stat, timeseries
from grafana_foundation_sdk.builders import dashboard as grafana
from grafana_foundation_sdk.cog.encoder import JSONEncoder
from grafana_foundation_sdk.models.common import (
    GraphGradientMode,
    GraphThresholdsStyleMode,
    LegendDisplayMode,
    LegendPlacement,
    SortOrder,
    StackingMode,
    TooltipDisplayMode,
)
from grafana_foundation_sdk.models.dashboard import (
    DashboardCursorSync,
    DashboardLinkType,
    DataSourceRef,
    Threshold,
    ThresholdsMode,
    VariableOption,
    VariableRefresh,
)
from grafana_foundation_sdk.models.prometheus import PromQueryFormat

from deploy.k8s.monitoring.dashboards.panels import Dashboard, Panel, Query

_PROMETHEUS = DataSourceRef(type_val="prometheus", uid="${datasource}")
_GRID_WIDTH = 24


def drawn(board: Dashboard) -> str:
    """The JSON that Grafana imports."""
    builder = _frame(board)
    for row in board.rows:
        builder = builder.with_row(grafana.Row(row.title))
        width = _GRID_WIDTH // len(row.panels)
        for panel in row.panels:
            builder = builder.with_panel(_panel(panel).height(row.height).span(width))
    return _lines(json.loads(JSONEncoder(sort_keys=True).encode(builder.build())))


def _lines(board: dict[str, Any]) -> str:
    """JSON with a line for each panel: a change of one is a change of one line."""
    panels = ",\n  ".join(json.dumps(panel) for panel in board.pop("panels"))
    entries = [f"{json.dumps(key)}: {json.dumps(value)}" for key, value in board.items()]
    return "{\n " + ",\n ".join([*entries, f'"panels": [\n  {panels}\n ]']) + "\n}\n"


def _frame(board: Dashboard) -> grafana.Dashboard:
    """A dashboard with a choice of data source and namespace, and links to the others."""
    return (
        grafana.Dashboard(board.title)
        .uid(f"animegan-{board.uid}")
        .description(board.about)
        .tags(["anime-gan"])
        .readonly()
        .tooltip(DashboardCursorSync.CROSSHAIR)
        .timezone("utc")
        .refresh("30s")
        .time("now-6h", "now")
        .link(_links())
        .with_variable(grafana.DatasourceVariable("datasource").label("Source").type("prometheus"))
        .with_variable(_namespaces())
    )


def _links() -> grafana.DashboardLink:
    link = grafana.DashboardLink("anime-gan").tags(["anime-gan"]).as_dropdown(True)
    return link.include_vars(True).keep_time(True).type(DashboardLinkType.DASHBOARDS)


def _namespaces() -> grafana.QueryVariable:
    return (
        grafana.QueryVariable("namespace")
        .label("Namespace")
        .datasource(_PROMETHEUS)
        .query('label_values(up{job=~"animegan-.+"}, namespace)')
        .refresh(VariableRefresh.ON_DASHBOARD_LOAD)
        .include_all(True)
        .all_value(".*")
        .multi(True)
        .current(VariableOption(text="All", value="$__all"))
    )


def _panel(panel: Panel) -> Any:
    """The builder of a panel, with what all kinds have."""
    builder: Any = {"graph": _graph, "number": _number, "heat": _heat}[panel.kind](panel)
    builder = builder.title(panel.title).description(panel.about).unit(panel.unit)
    builder = builder.datasource(_PROMETHEUS)
    for at, query in enumerate(panel.queries):
        builder = builder.with_target(_target(query, chr(ord("A") + at), panel.kind))
    return builder


def _target(query: Query, ref: str, kind: str) -> prometheus.Dataquery:
    target = prometheus.Dataquery().ref_id(ref).expr(query.expr).legend_format(query.legend)
    if kind == "heat":
        target = target.format(PromQueryFormat.HEATMAP)
    return target.instant() if kind == "number" else target.range()


def _graph(panel: Panel) -> timeseries.Panel:
    builder = (
        timeseries.Panel()
        .line_width(1)
        .fill_opacity(30 if panel.stacked else 8)
        .gradient_mode(GraphGradientMode.OPACITY)
        .min(0)
        .legend(
            common.VizLegendOptions()
            .display_mode(LegendDisplayMode.TABLE)
            .placement(LegendPlacement.BOTTOM)
            .show_legend(True)
            .calcs(["lastNotNull", "max"])
        )
        .tooltip(
            common.VizTooltipOptions().mode(TooltipDisplayMode.MULTI).sort(SortOrder.DESCENDING)
        )
    )
    if panel.stacked:
        builder = builder.stacking(common.StackingConfig().mode(StackingMode.NORMAL))
    if panel.limit is not None:
        style = common.GraphThresholdsStyleConfig().mode(GraphThresholdsStyleMode.DASHED)
        builder = builder.thresholds(_thresholds(panel)).thresholds_style(style)
    return builder


def _number(panel: Panel) -> stat.Panel:
    last = common.ReduceDataOptions().calcs(["lastNotNull"])
    builder = stat.Panel().no_value("no data").reduce_options(last)
    return builder if panel.limit is None else builder.thresholds(_thresholds(panel))


def _heat(_: Panel) -> heatmap.Panel:
    return heatmap.Panel().calculate(False)


def _thresholds(panel: Panel) -> grafana.ThresholdsConfig:
    below, above = ("red", "green") if panel.low_is_bad else ("green", "red")
    steps = [Threshold(color=below), Threshold(color=above, value=panel.limit)]
    return grafana.ThresholdsConfig().mode(ThresholdsMode.ABSOLUTE).steps(steps)
