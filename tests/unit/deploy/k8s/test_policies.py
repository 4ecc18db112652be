"""Each policy finds the mistake that it is there for, and nothing else in the rest."""

import pytest

from deploy.k8s.checks import policies
from deploy.k8s.checks.kustomize import kustomizations
from deploy.k8s.checks.policies.references import external
from deploy.k8s.checks.subject import PROJECT, Subject
from tests.unit.deploy.k8s.conftest import K8S
from tests.unit.deploy.k8s.planting import at, container, pod, remove, settings


def found(manifests) -> list[str]:
    """What the policies say, without where."""
    return [str(finding) for finding in policies.check(Subject(PROJECT, {"it": manifests}))]


def test_what_ships_is_right(production):
    assert found(production) == []


def spoil(do):
    """Give a mistake a name that pytest shows: that of the function."""
    return pytest.param(do, id=do.__name__)


def no_liveness(m):
    del container(m, "Deployment", "generator")["livenessProbe"]
    return "Deployment/generator: container service: no livenessProbe"


def probe_at_nobodys_port(m):
    container(m, "Deployment", "upscaler")["readinessProbe"]["grpc"]["port"] = 50051
    return "readinessProbe asks at port 50051"


def no_memory_limit(m):
    del container(m, "StatefulSet", "triton-similarity")["resources"]["limits"]
    return "no limits.memory"


def no_request(m):
    del container(m, "Deployment", "triton-generator")["resources"]["requests"]["cpu"]
    return "no requests.cpu"


def rounds_on_its_gpu(m):
    environment = container(m, "Deployment", "triton-generator")["env"]
    environment.remove({"name": "NVIDIA_TF32_OVERRIDE", "value": "0"})
    return "NVIDIA_TF32_OVERRIDE is not 0"


def runs_as_root(m):
    pod(m, "Deployment", "generator")["securityContext"]["runAsNonRoot"] = False
    return "runs as root"


def writes_its_root(m):
    container(m, "Deployment", "generator")["securityContext"]["readOnlyRootFilesystem"] = False
    return "readOnlyRootFilesystem"


def escalates(m):
    del container(m, "Deployment", "generator")["securityContext"]["allowPrivilegeEscalation"]
    return "allowPrivilegeEscalation"


def keeps_capabilities(m):
    container(m, "Deployment", "generator")["securityContext"]["capabilities"] = {
        "drop": ["ALL"],
        "add": ["NET_ADMIN"],
    }
    return "capabilities"


def no_seccomp(m):
    del pod(m, "Deployment", "generator")["securityContext"]["seccompProfile"]
    return "seccompProfile"


def asks_the_api_server(m):
    del pod(m, "Deployment", "generator")["automountServiceAccountToken"]
    return "automountServiceAccountToken"


def unlimited_scratch(m):
    pod(m, "Deployment", "generator")["volumes"] = [{"name": "tmp", "emptyDir": {}}]
    return "emptyDir without sizeLimit"


def opens_the_node(m):
    volume = {"name": "host", "hostPath": {"path": "/"}}
    pod(m, "Deployment", "generator")["volumes"].append(volume)
    return "hostPath"


def latest(m):
    container(m, "Deployment", "generator")["image"] = "anime-gan/generator:latest"
    return "neither a version nor a digest"


def untagged_at_a_registry_with_port(m):
    container(m, "Deployment", "generator")["image"] = "registry:5000/generator"
    return "neither a version nor a digest"


def written_secret(m):
    container(m, "Deployment", "generator")["env"] = [
        {"name": "ANIMEGAN_GENERATOR_AUTH_TOKEN", "value": "s3cret"}
    ]
    return "secretKeyRef"


def undefined_variable(m):
    container(m, "Deployment", "triton-generator")["args"].append("--model-repository=$(PLACE)")
    return "$(PLACE)"


def undefined_variable_of_a_command(m):
    container(m, "Deployment", "generator")["command"] = ["python", "$(PROGRAM)"]
    return "$(PROGRAM)"


def careless_init_container(m):
    first = {"name": "first", "image": "anime-gan/generator:0.1.0"}
    pod(m, "Deployment", "generator")["initContainers"] = [first]
    return "container first: no requests.cpu"


def init_container_with_unknown_settings(m):
    first = {"name": "first", "envFrom": [{"secretRef": {"name": "nobodys"}}]}
    pod(m, "Deployment", "generator")["initContainers"] = [first]
    return "Secret nobodys is neither built nor listed"


def unknown_priority(m):
    remove(m, "PriorityClass", "anime-gan-serving")
    return "PriorityClass anime-gan-serving is neither built nor listed"


def unlabelled(m):
    labels = at(m, "Deployment", "generator")["spec"]["template"]["metadata"]["labels"]
    del labels["app.kubernetes.io/part-of"]
    return "lack the label app.kubernetes.io/part-of"


def short_grace(m):
    pod(m, "Deployment", "generator")["terminationGracePeriodSeconds"] = 40
    return "grace period, 40 s, is not longer"


def longer_drain(m):
    settings(m, "generator-settings")["ANIMEGAN_GENERATOR_DRAIN_GRACE_S"] = "300"
    return "preStop and drain, 310.0 s"


def impatient_triton(m):
    container(m, "Deployment", "triton-generator")["lifecycle"]["preStop"]["sleep"]["seconds"] = 20
    return "preStop 20 s is not longer than a connection lives"


def no_pre_stop(m):
    del container(m, "Deployment", "generator")["lifecycle"]
    return "no preStop.sleep"


def no_budget(m):
    remove(m, "PodDisruptionBudget", "triton-upscaler")
    return "Deployment/triton-upscaler: no PodDisruptionBudget"


def no_spread(m):
    del pod(m, "Deployment", "generator")["topologySpreadConstraints"]
    return "topologySpreadConstraints"


def only_pod_goes_first(m):
    remove(m, "HorizontalPodAutoscaler", "triton-generator")
    at(m, "Deployment", "triton-generator")["spec"]["replicas"] = 1
    return "takes its only pod away"


def selector_means_others(m):
    at(m, "Deployment", "generator")["spec"]["selector"]["matchLabels"] = {"app": "generator"}
    return "does not mean its own pods"


def service_of_nobody(m):
    at(m, "Service", "generator")["spec"]["selector"]["app.kubernetes.io/name"] = "generater"
    return "Service/generator: selects no pod"


def port_of_nobody(m):
    at(m, "Service", "generator")["spec"]["ports"][0]["targetPort"] = "http2"
    return "leads to http2"


def unknown_secret(m):
    container(m, "Deployment", "triton-generator")["env"].append(
        {"name": "X", "valueFrom": {"secretKeyRef": {"name": "nobodys", "key": "x"}}}
    )
    return "Secret nobodys is neither built nor listed"


def unknown_settings(m):
    container(m, "Deployment", "generator")["envFrom"][0]["configMapRef"]["name"] = "settings"
    return "ConfigMap settings is neither built nor listed"


def unknown_volume(m):
    remove(m, "PersistentVolumeClaim", "anime-gan-indexes")
    return "PersistentVolumeClaim anime-gan-indexes is neither built"


def scales_nobody(m):
    at(m, "HorizontalPodAutoscaler", "triton-generator")["spec"]["scaleTargetRef"]["name"] = "tri"
    return "Deployment tri is not there"


def route_to_nowhere(m):
    route = at(m, "GRPCRoute", "generator")
    route["spec"]["rules"][0]["backendRefs"][0]["name"] = "generators"
    return "Service generators is not there"


def port_without_policy(m):
    remove(m, "NetworkPolicy", "prometheus")
    return "no network policy lets anybody in at port metrics"


def arrow_without_start(m):
    remove(m, "NetworkPolicy", "upscaler-calls-triton")
    return "Deployment/upscaler: no network policy lets it call triton-upscaler"


def arrow_without_end(m):
    remove(m, "NetworkPolicy", "triton-similarity-is-called")
    return "no network policy of triton-similarity lets it in"


def open_to_all(m):
    del at(m, "NetworkPolicy", "callers-to-services")["spec"]["ingress"][0]["from"]
    return "lets anybody in"


def two_autoscalers(m):
    scaler = {"kind": "ScaledObject", "metadata": {"name": "other"}, "spec": {}}
    own = at(m, "HorizontalPodAutoscaler", "triton-generator")["spec"]
    scaler["spec"] = {**own, "scaleTargetRef": {"name": "triton-generator"}}
    m.append(scaler)
    return "2 autoscalers pull at triton-generator"


def fixed_and_scaled(m):
    at(m, "Deployment", "triton-generator")["spec"]["replicas"] = 3
    return "triton-generator says replicas itself"


def nervous(m):
    behavior = at(m, "HorizontalPodAutoscaler", "triton-generator")["spec"]["behavior"]
    del behavior["scaleDown"]["stabilizationWindowSeconds"]
    return "of stabilisation"


def too_few_left(m):
    at(m, "HorizontalPodAutoscaler", "triton-generator")["spec"]["minReplicas"] = 1
    return "may leave 1 replicas"


def scaled_by_nothing(m):
    (metric, _) = at(m, "HorizontalPodAutoscaler", "triton-generator")["spec"]["metrics"]
    metric["external"]["metric"]["name"] = "queue_seconds"
    return "prometheus-adapter.yaml makes no ('queue_seconds'"


def scaled_by_others(m):
    (metric, _) = at(m, "HorizontalPodAutoscaler", "triton-generator")["spec"]["metrics"]
    metric["external"]["metric"]["selector"]["matchLabels"]["job"] = "animegan-triton-upscaler"
    return "of this target"


def part_without_pod(m):
    settings(m, "shards")["PARTS"] = "3"
    return "4 pods cannot serve PARTS=3"


def part_in_one_pod(m):
    settings(m, "shards")["PARTS"] = "4"
    return "one pod for each part: a rollout ends searches; let it have 8"


def hasty_rollout(m):
    del at(m, "StatefulSet", "triton-similarity")["spec"]["minReadySeconds"]
    return "minReadySeconds is below 60"


def pod_that_nobody_asks(m):
    urls = settings(m, "similarity-settings")
    name = "ANIMEGAN_SIMILARITY_TRITON_URL"
    urls[name] = urls[name].rpartition(",")[0]
    return "its triton_url is"


MISTAKES = [
    no_liveness, probe_at_nobodys_port, no_memory_limit, no_request, rounds_on_its_gpu,
    runs_as_root, writes_its_root,
    escalates, keeps_capabilities, no_seccomp, asks_the_api_server, unlimited_scratch,
    opens_the_node, latest, untagged_at_a_registry_with_port, written_secret, undefined_variable,
    undefined_variable_of_a_command, careless_init_container, init_container_with_unknown_settings,
    unknown_priority, unlabelled, short_grace, longer_drain, impatient_triton, no_pre_stop,
    no_budget, no_spread,
    only_pod_goes_first, selector_means_others, service_of_nobody, port_of_nobody, unknown_secret,
    unknown_settings, unknown_volume, scales_nobody, route_to_nowhere, port_without_policy,
    arrow_without_start, arrow_without_end, open_to_all, two_autoscalers, fixed_and_scaled,
    nervous, too_few_left, scaled_by_nothing, scaled_by_others, part_without_pod,
    part_in_one_pod, hasty_rollout, pod_that_nobody_asks,
]  # fmt: skip


@pytest.mark.parametrize("plant", [spoil(plant) for plant in MISTAKES])
def test_a_planted_mistake_is_found(production, plant):
    message = plant(production)
    findings = found(production)
    assert any(message in finding for finding in findings), findings


def test_the_two_autoscalers_of_triton_ask_the_same_question(built):
    manifests = built("tests/gpu-keda")
    assert found(manifests) == []
    trigger = at(manifests, "ScaledObject", "triton-generator")["spec"]["triggers"][0]
    # Triton's own example: per second, not per request.
    trigger["metadata"]["query"] = "sum(rate(nv_inference_queue_duration_us[1m]))"
    assert any("asks something else" in finding for finding in found(manifests))


def test_the_two_autoscalers_of_triton_want_the_same_at_the_same_pace(built):
    by_hpa, by_keda = built("tests/everything-hpa"), built("tests/everything-keda")
    for name in ("triton-generator", "triton-upscaler"):
        hpa = at(by_hpa, "HorizontalPodAutoscaler", name)["spec"]
        keda = at(by_keda, "ScaledObject", name)["spec"]
        targets = [metric["external"]["target"] for metric in hpa["metrics"]]
        wanted = {one["type"]: one.get("value", one.get("averageValue")) for one in targets}
        thresholds = {one["metricType"]: one["metadata"]["threshold"] for one in keda["triggers"]}
        assert {kind: float(text) for kind, text in thresholds.items()} == {
            kind: float(text.removesuffix("m")) / 1000 for kind, text in wanted.items()
        }
        assert (hpa["minReplicas"], hpa["maxReplicas"]) == (
            keda["minReplicaCount"],
            keda["maxReplicaCount"],
        )
        assert hpa["behavior"] == keda["advanced"]["horizontalPodAutoscalerConfig"]["behavior"]


def test_models_on_a_volume_are_verified_before_a_triton_of_their_workload_starts(built):
    for name in ("generator", "upscaler", "similarity"):
        kind = "StatefulSet" if name == "similarity" else "Deployment"
        template = at(built("tests/cpu-volume"), kind, f"triton-{name}")["spec"]["template"]
        assert template["metadata"]["labels"]["anime-gan/workload"] == name
        (first,) = template["spec"]["initContainers"]
        assert first["command"][-1] == "/models/$(WORKLOAD)"
        assert first["image"] == template["spec"]["containers"][0]["image"]


def test_what_an_operator_makes_is_documented():
    page = (PROJECT / "docs" / "operations" / "kubernetes.md").read_text()
    assert [name for _, name in external() if f"`{name}`" not in page] == []


def test_every_component_is_in_a_combination():
    used = "".join((folder / "kustomization.yaml").read_text() for folder in kustomizations(K8S))
    components = [folder.name for folder in (K8S / "components").iterdir()]
    assert [name for name in components if f"components/{name}\n" not in used] == []


def test_the_upload_holds_the_volumes_of_an_overlay(built):
    (upload,) = built("tools/upload")
    claims = {v["persistentVolumeClaim"]["claimName"] for v in upload["spec"]["volumes"]}
    made = {m["metadata"]["name"] for m in built("overlays/laptop") if "Claim" in m["kind"]}
    assert claims == made
