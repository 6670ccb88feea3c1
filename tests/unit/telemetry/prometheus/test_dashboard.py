"""The dashboard for Grafana in `docs` fits what `/metrics` serves."""

import json
import re
from itertools import combinations
from pathlib import Path
from typing import Any

import pytest

from agentkit.telemetry.prometheus import PrometheusMetrics

DASHBOARD = Path(__file__).parents[4] / "docs" / "grafana-dashboard.json"

METRIC = re.compile(r"\bagentkit_\w+")
SUFFIXES = {
    "counter": ("_total",),
    "histogram": ("_bucket", "_count", "_sum"),
    "gauge": ("",),
}
LABELS = re.compile(r"(?:by \(|\{|, ?)([a-z_]+)(?=[,)=])")


@pytest.fixture(scope="module")
def dashboard() -> dict[str, Any]:
    """Return the dashboard."""
    found: dict[str, Any] = json.loads(DASHBOARD.read_text())
    return found


def served() -> dict[str, set[str]]:
    """Return the names of all series, each with its labels."""
    registry = PrometheusMetrics().registry
    found: dict[str, set[str]] = {}
    for collector in registry._collector_to_names:
        families = getattr(collector, "describe")()  # noqa: B009 - the base class lacks it
        labels = set(getattr(collector, "_labelnames", ("agent", "status", "model", "state")))
        for family in families:
            for suffix in SUFFIXES[family.type]:
                found[f"{family.name}{suffix}"] = labels | {"le"}
    return found


def expressions(dashboard: dict[str, Any]) -> list[str]:
    """Return all queries of the dashboard."""
    return [target["expr"] for panel in dashboard["panels"] for target in panel.get("targets", ())]


def test_it_uses_series_that_are_served(dashboard: dict[str, Any]) -> None:
    """With labels that they have."""
    known = served()
    for expression in expressions(dashboard):
        [name] = set(METRIC.findall(expression))
        assert name in known, expression
        assert set(LABELS.findall(expression)) <= known[name], expression
        assert expression.count("(") == expression.count(")")


def test_it_shows_each_metric(dashboard: dict[str, Any]) -> None:
    """Nothing that is counted is left out."""
    used = {name for one in expressions(dashboard) for name in METRIC.findall(one)}
    families = {name.removesuffix("_bucket") for name in served() if "_sum" not in name}
    for family in families - {name for name in served() if name.endswith("_count")}:
        assert any(name.startswith(family) for name in used), family


def test_its_form_is_that_of_a_dashboard(dashboard: dict[str, Any]) -> None:
    """As Grafana imports it: ids, places that do not overlap, one data source to choose."""
    panels = dashboard["panels"]
    assert (dashboard["uid"], dashboard["title"]) == ("agentkit", "agentkit")
    assert dashboard["schemaVersion"] >= 36
    assert len({panel["id"] for panel in panels}) == len(panels)
    for panel in panels:
        place = panel["gridPos"]
        assert place["x"] + place["w"] <= 24
        if panel["type"] != "row":
            assert panel["datasource"] == {"type": "prometheus", "uid": "${datasource}"}
            assert len({one["refId"] for one in panel["targets"]}) == len(panel["targets"])
    for one, other in combinations((panel["gridPos"] for panel in panels), 2):
        is_apart = one["x"] + one["w"] <= other["x"] or other["x"] + other["w"] <= one["x"]
        is_above = one["y"] + one["h"] <= other["y"] or other["y"] + other["h"] <= one["y"]
        assert is_apart or is_above
    variables = {one["name"]: one for one in dashboard["templating"]["list"]}
    assert variables["datasource"]["type"] == "datasource"
    assert set(re.findall(r"\$(\w+)", json.dumps(panels))) <= {*variables, "__rate_interval"}
