"""The checks of rules, routes and dashboards find what is planted; hurried rules stay the same."""

import json
import shutil
from collections.abc import Callable
from pathlib import Path

import pytest
import yaml

from deploy.k8s.checks import alertmanager, dashboards, prometheus, promtool
from deploy.k8s.checks.policies.autoscaling import ADAPTER
from deploy.k8s.checks.subject import PROJECT, Subject
from deploy.k8s.monitoring import __main__ as generated
from deploy.k8s.monitoring import files, kubernetes
from deploy.k8s.monitoring.documentation import PAGE
from deploy.k8s.monitoring.objectives import OBJECTIVES
from deploy.k8s.monitoring.reference import mistakes, series
from services.common.rpc.metrics import REQUEST_BUCKETS_S
from tests.requires import require_program

MONITORING = Path("deploy") / "k8s" / "monitoring"
# Its rules are few, and its tests take no time.
RULES, TESTS = MONITORING / "rules" / "training.yml", MONITORING / "tests" / "training.yml"
RUNBOOKS = Path("docs") / "operations" / "runbooks"


@pytest.fixture
def checkout(tmp_path: Path) -> Path:
    """What the checks read, with one file of rules only, to spoil."""
    for folder in (MONITORING, RUNBOOKS):
        shutil.copytree(PROJECT / folder, tmp_path / folder, ignore=lambda *_: {"__pycache__"})
    for file in (PAGE, ADAPTER):
        (tmp_path / file).parent.mkdir(parents=True, exist_ok=True)
        shutil.copy(PROJECT / file, tmp_path / file)
    for folder in (RULES.parent, TESTS.parent):
        for file in (tmp_path / folder).glob("*.yml"):
            if file.name != RULES.name:
                file.unlink()
    generated.write(tmp_path / MONITORING)
    return tmp_path


def findings(checkout: Path, check: Callable) -> set[str]:
    return {str(finding) for finding in check(Subject(checkout, {}))}


def spoil(file: Path, old: str, new: str) -> None:
    text = file.read_text()
    assert old in text
    file.write_text(text.replace(old, new))


@pytest.mark.parametrize(
    ("file", "old", "new", "message"),
    [
        (RULES, "> 900", "> 9 00", "parse error"),
        (RULES, "training_last_step", "training_lost_step", "no metric"),
        (RULES, "timestamp_seconds >", 'timestamp_seconds{rum="b"} >', "no label rum"),
        (RULES, "severity: warning", "severity: urgent", "has no severity of"),
        (RULES, "summary: The", "summery: The", "has no summary"),
        (RULES, "runbooks/AnimeganTrainingStalled.md", "runbooks/None.md", "needs the runbook"),
        (RULES, "for: 5m", "for: 6m", "FAILED"),
        (RULES, "> 900", "> 905", "is stale"),
        (ADAPTER, "sum by (model) (rate(nv_inference_exec_c", "sum(rate(nv_exec_c", "no metric"),
        (TESTS, "eval_time: 37m, alertname", "eval_time: 31m, alertname", "FAILED"),
    ],
)
def test_a_planted_mistake_in_rules_is_found(checkout, file, old, new, message):
    require_program("promtool")
    before = findings(checkout, prometheus.check) | findings(checkout, promtool.check)
    spoil(checkout / file, old, new)
    found = findings(checkout, prometheus.check) | findings(checkout, promtool.check)
    found -= before
    assert any(message in finding for finding in found), found


def test_an_alert_that_is_never_seen_to_end_is_not_tested(checkout):
    tests = yaml.safe_load((checkout / TESTS).read_text())
    tests["tests"][0]["alert_rule_test"].pop()
    (checkout / TESTS).write_text(yaml.safe_dump(tests))
    assert any(
        "AnimeganTrainingStalled: is not tested" in finding
        for finding in findings(checkout, prometheus.check)
    )


@pytest.mark.parametrize(
    ("file", "old", "new", "message"),
    [
        ("alertmanager.yml", 'matchers: [severity="critical"]', "matchers: [x]", "bad matcher"),
        ("alertmanager.yml", "receiver: models", "receiver: model", "undefined receiver"),
        ("alertmanager.yml", 'severity="critical"', 'severity="fatal"', "reaches ['chat']"),
        ("alertmanager.yml", "AnimeganNearCopies", "AnimeganNoAlert", "matches no alert"),
        ("routes-tests.yml", "receivers: [models]", "receivers: [chat]", "reaches ['models']"),
    ],
)
def test_a_planted_mistake_in_routes_is_found(checkout, file, old, new, message):
    require_program("amtool")
    before = findings(checkout, alertmanager.check)
    spoil(checkout / MONITORING / file, old, new)
    found = findings(checkout, alertmanager.check) - before
    assert any(message in finding for finding in found), found


def test_critical_alerts_must_page_somebody(checkout):
    require_program("amtool")
    spoil(checkout / RULES, "severity: warning\n          team: models", "severity: critical")
    spoil(checkout / MONITORING / "alertmanager.yml", 'severity="critical"', 'severity="fatal"')
    assert any("page nobody" in finding for finding in findings(checkout, alertmanager.check))


@pytest.mark.parametrize(
    ("old", "new", "message"),
    [
        ("rate(animegan_generator_requests_total", "rate(animegan_generator_calls", "no metric"),
        ("histogram_quantile(0.5, sum", "histogram_quantile(0.5 sum", "does not parse"),
    ],
)
def test_a_planted_mistake_in_a_dashboard_is_found(checkout, old, new, message):
    # Without most rules, some records that dashboards ask for are not there.
    before = findings(checkout, dashboards.check)
    spoil(checkout / MONITORING / "generated" / "dashboards" / "generator.json", old, new)
    found = findings(checkout, dashboards.check) - before
    assert any(message in finding for finding in found), found


def test_a_planted_mistake_in_a_runbook_is_found(checkout):
    before = findings(checkout, dashboards.check)
    spoil(checkout / RUNBOOKS / "AnimeganTrainingStalled.md", "q 'animegan_", "q 'animagen_")
    (found,) = findings(checkout, dashboards.check) - before
    assert "no metric animagen_training_images" in found


def test_a_query_without_a_metric_is_a_mistake():
    assert list(mistakes('rate({job="a"}[5m])', series())) == [
        "no metric (a selector without a metric) in metrics.yml, and no rule records it"
    ]
    assert not list(mistakes('rate(up{job="a"}[$__rate_interval])', series()))


def test_objectives_are_bounds_of_the_buckets():
    assert {objective.seconds for objective in OBJECTIVES} <= set(REQUEST_BUCKETS_S)


def test_hurried_rules_change_durations_and_nothing_else():
    rule = {
        "alert": "A",
        "expr": "rate(a_count[2h]) > 3600 and b:c:rate5m offset 1d > avg_over_time(d[1h30m:5m])",
        "for": "10m",
    }
    hurried = files.hurried_rules({"groups": [{"interval": "30s", "rules": [rule]}]}, 60)
    assert hurried["groups"][0] == {
        "interval": "1000ms",
        "rules": [
            {
                "alert": "A",
                "expr": "rate(a_count[120000ms]) > 3600 and b:c:rate5m offset 1440000ms > "
                "avg_over_time(d[90000ms:5000ms])",
                "for": "10000ms",
            }
        ],
    }


def test_secrets_are_files_for_alertmanager_and_references_for_the_operator():
    config = files.read(files.FOLDER / files.ALERTMANAGER)
    text = json.dumps(kubernetes.alertmanager_config(config))
    assert '"routingKey": {"name": "animegan-alerting", "key": "pagerduty-routing-key"}' in text
    assert '"apiURL": {"name": "animegan-alerting", "key": "slack-url"}' in text
    assert "/etc/" not in text
    config["route"]["routes"][0]["matchers"] = ["severity"]
    with pytest.raises(ValueError, match="not every matcher"):
        kubernetes.alertmanager_config(config)
