"""The real Prometheus scrapes the running platform, and somebody is told when it breaks."""

import subprocess
from collections.abc import Mapping
from pathlib import Path

import pytest
from prometheus_client.parser import text_string_to_metric_families

from deploy.k8s.checks.dashboards import runbook_queries
from deploy.k8s.checks.policies.autoscaling import LABEL_MATCHERS, adapter_queries
from deploy.k8s.monitoring.dashboards import ALL
from deploy.k8s.monitoring.files import hurried_query
from deploy.k8s.monitoring.reference import metrics
from deploy.local.processes import PidFile
from tests.integration.local.polling import until
from tests.integration.monitoring.conftest import HURRY, PROJECT, Platform
from tests.requires import require_program

SERVICES = ("generator", "similarity", "upscaler")
JOBS = {f"animegan-{part}" for part in (*SERVICES, "triton")}

Shown = Mapping[str, tuple[str, frozenset[str] | None]]


def families(text: str) -> Shown:
    """Type and labels of every metric in a text; no labels are known of one without samples."""
    shown = {}
    for family in text_string_to_metric_families(text):
        name = f"{family.name}_total" if family.type == "counter" else family.name
        name = name.removesuffix("_total") if family.name.startswith("nv_") else name
        labels = {frozenset(sample.labels) - {"le"} for sample in family.samples}
        shown[name] = (family.type, labels.pop() if labels else None)
    return shown


@pytest.fixture(scope="module")
def shown(platform: Platform) -> Mapping[str, str]:
    """What every process shows to Prometheus once it has been used."""
    platform.use()
    return {part: platform.metrics(part) for part in (*SERVICES, "triton")}


def test_the_list_of_metrics_is_what_processes_show(shown):
    seen = {name: told for text in shown.values() for name, told in families(text).items()}
    listed = {metric.name: metric for metric in metrics() if metric.group != "Training"}
    ours = {name for name in seen if name.startswith("animegan_")}
    assert ours == {name for name in listed if name.startswith("animegan_")}
    for name, metric in listed.items():
        if metric.external or metric.gpu:
            continue
        kind, labels = seen[name]
        assert (name, kind) == (name, metric.type)
        assert (name, labels or metric.labels) == (name, metric.labels)


@pytest.mark.parametrize("service", SERVICES)
def test_metrics_keep_the_conventions(shown, service):
    command = [require_program("promtool"), "check", "metrics"]
    checked = subprocess.run(
        command, input=shown[service], capture_output=True, text=True, check=False
    )
    assert (checked.returncode, checked.stdout + checked.stderr) == (0, "")


def test_every_target_is_scraped_and_every_rule_evaluated(platform: Platform):
    until(lambda: {one["metric"]["job"] for one in platform.query("up == 1")} == JOBS)
    rules = lambda: [  # noqa: E731
        rule for group in platform.prometheus("rules")["groups"] for rule in group["rules"]
    ]
    until(lambda: {rule["health"] for rule in rules()} == {"ok"})


def test_every_query_of_the_dashboards_is_answered_and_calls_show(platform: Platform):
    asked = {
        (board.uid, panel.title): panel.queries
        for board in ALL
        for row in board.rows
        for panel in row.panels
    }

    def values(board: str, title: str) -> list[float]:
        answers = []
        for query in asked[board, title]:
            text = query.expr.replace("$namespace", ".*").replace("$__rate_interval", "10s")
            answers += platform.query(text)
        return [float(answer["value"][1]) for answer in answers]

    for title in ("Calls by method", "Stages, p95", "Images", "Answered", "Images a batch"):
        until(lambda title=title: any(values("generator", title)), platform.generates)
    until(lambda: values("similarity", "SSIM to the nearest image"))
    assert values("overview", "Targets down") == [0]
    # Most methods have not been called: no share of nothing is a NaN.
    until(lambda: values("overview", "Available (1 h)") == [1], platform.generates)
    for panel in asked:
        values(*panel)  # raises for what Prometheus does not take


def test_every_query_of_the_runbooks_is_one_for_prometheus(platform: Platform):
    asked = list(runbook_queries(PROJECT))
    assert len({page for page, _ in asked}) > 20
    for _, query in asked:
        platform.query(query)  # raises for what Prometheus does not take


@pytest.mark.parametrize("metric", adapter_queries())
def test_the_queries_of_the_autoscalers_have_one_answer(platform: Platform, metric):
    matchers = 'namespace="local",job="animegan-triton"'
    query = adapter_queries()[metric].replace(LABEL_MATCHERS, matchers)
    (answer,) = platform.query(hurried_query(query, HURRY))
    assert float(answer["value"][1]) >= 0


@pytest.mark.parametrize("part", ["prometheus", "alertmanager"])
def test_what_monitors_is_supervised_too(platform: Platform, part: str):
    file = PidFile(platform.folder / f"{part}.pid")
    before = file.process()
    assert before
    before.kill()
    until(lambda: file.process() not in (None, before))
    until(lambda: all(not status.lacks for status in platform.stack.status()))


def test_a_dead_triton_is_told_and_so_is_its_recovery(platform: Platform):
    until(lambda: platform.query("up == 1"), platform.generates)
    PidFile(platform.folder / "supervisor.pid").stop(15, alone=True)
    PidFile(platform.folder / "triton.pid").stop(15)

    def told(receiver: str, status: str):
        return platform.webhook.alert(receiver, "AnimeganServiceDown", status)

    until(lambda: told("pager", "firing") and told("chat", "firing"), platform.generates)
    alert = told("pager", "firing")
    assert {"severity": "critical", "namespace": "local"}.items() <= alert["labels"].items()
    assert (PROJECT / Path(alert["annotations"]["runbook_url"])).is_file()

    until(lambda: "animegan_generator_ready 0.0" in platform.metrics("generator"))
    platform.stack.up(platform.settings)
    until(platform.generates)
    until(lambda: told("pager", "resolved"), platform.generates)
