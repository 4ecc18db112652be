"""What the API server would refuse or drop is found, in our kinds and in custom ones."""

import pytest

from deploy.k8s.checks import schemas
from tests.unit.deploy.k8s.planting import at, container, pod


def unknown_field(m):
    container(m, "Deployment", "generator")["livenessProb"] = {}
    return at(m, "Deployment", "generator"), "'livenessProb' was unexpected"


def wrong_type(m):
    pod(m, "Deployment", "generator")["terminationGracePeriodSeconds"] = "60"
    return at(m, "Deployment", "generator"), "'60' is not of type"


def missing_field(m):
    del at(m, "StatefulSet", "triton-similarity")["spec"]["selector"]
    return at(m, "StatefulSet", "triton-similarity"), "'selector' is a required property"


def unknown_field_of_a_gateway(m):
    gateway = at(m, "Gateway", "anime-gan")
    gateway["spec"]["listeners"][0]["protocoll"] = "HTTPS"
    return gateway, "'protocoll' was unexpected"


def route_without_backend_name(m):
    route = at(m, "GRPCRoute", "generator")
    del route["spec"]["rules"][0]["backendRefs"][0]["name"]
    return route, "'name' is a required property"


def unknown_field_of_a_pod_monitor(m):
    monitor = at(m, "PodMonitor", "animegan-triton")
    monitor["spec"]["podMetricsEndpoints"][0]["intervall"] = "7s"
    return monitor, "'intervall' was unexpected"


def rule_without_expression(m):
    rule = next(one for one in m if one["kind"] == "PrometheusRule")
    del rule["spec"]["groups"][0]["rules"][0]["expr"]
    return rule, "'expr' is a required property"


@pytest.mark.parametrize(
    "plant",
    [
        unknown_field,
        wrong_type,
        missing_field,
        unknown_field_of_a_gateway,
        route_without_backend_name,
        unknown_field_of_a_pod_monitor,
        rule_without_expression,
    ],
)
def test_a_planted_mistake_is_found(production, plant):
    assert [mistake for one in production for mistake in schemas.mistakes(one)] == []
    manifest, message = plant(production)
    assert any(message in mistake for mistake in schemas.mistakes(manifest))


def test_unknown_fields_of_a_scaled_object_are_found(built):
    scaler = at(built("tests/gpu-keda"), "ScaledObject", "triton-generator")
    assert list(schemas.mistakes(scaler)) == []
    scaler["spec"]["triggers"][0]["treshold"] = "1"
    assert any("'treshold' was unexpected" in mistake for mistake in schemas.mistakes(scaler))


def test_a_kind_without_a_schema_is_a_mistake():
    unknown = {"apiVersion": "keda.sh/v1alpha1", "kind": "ScaledJob", "metadata": {"name": "x"}}
    assert list(schemas.mistakes(unknown)) == ["no schema for keda.sh/v1alpha1 ScaledJob"]
