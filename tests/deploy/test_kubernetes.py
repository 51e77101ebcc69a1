"""The manifests: valid by the schemas of Kubernetes, and whatever one of them names is there."""

import json
import re
import warnings
from itertools import product
from typing import Any

import jsonschema
import pytest
import yaml
from bson import json_util

from app.config import Settings
from app.jobs import HARD_LIMIT, QUEUE, UPKEEP_QUEUE
from scripts.stack import processes
from scripts.stack.layout import ROOT
from services.adapters.mongo.indexes import INDEXES
from services.adapters.mongo.parts import PENDING_STATES
from services.interviews.model import PartState
from tests.deploy.manifests import FOLDER, SETS, Doc, Pods, manifests, of_kind, pods

with warnings.catch_warnings():
    warnings.simplefilter("ignore")
    import kubernetes_validate

# The oldest that has what is used (a hook that sleeps), and the newest that is known.
VERSIONS = ("1.30", kubernetes_validate.latest_version())
CUSTOM = yaml.safe_load((ROOT / "tests/deploy/crds.yaml").read_text())
# Read by uvicorn itself.
NOT_OURS = {"FORWARDED_ALLOW_IPS"}
SECRETS = set(re.findall(r"^(\w+)=", (FOLDER / "secrets.env.example").read_text(), re.MULTILINE))
MEBI = {"Mi": 1, "Gi": 1024}
# Somewhat more than benchmarks/results.json says of an API that has nothing to do.
IDLE_API = 128

ALL_PODS = [
    pytest.param(documents, one, id=f"{which}-{one.name}")
    for which in SETS
    for documents in [manifests(which)]
    for one in pods(documents)
]
every_pod = pytest.mark.parametrize(("documents", "one"), ALL_PODS)
every_set = pytest.mark.parametrize("documents", [manifests(which) for which in SETS], ids=SETS)


def named(documents: tuple[Doc, ...], kind: str, name: str) -> Doc:
    (found,) = [one for one in of_kind(documents, kind) if one["metadata"]["name"] == name]
    return found


def pods_of(documents: tuple[Doc, ...], name: str) -> Pods:
    (found,) = [one for one in pods(documents) if one.name == f"viva-voce-{name}"]
    return found


def environment(documents: tuple[Doc, ...], one: Pods) -> Doc:
    """What the container finds, with `None` for what comes from a Secret."""
    found: Doc = {}
    for source in one.container.get("envFrom", []):
        found |= named(documents, "ConfigMap", source["configMapRef"]["name"])["data"]
    return found | {entry["name"]: entry.get("value") for entry in one.container["env"]}


def mebibytes(text: str) -> float:
    return float(text[:-2]) * MEBI[text[-2:]]


@pytest.mark.parametrize(("which", "version"), [("example", VERSIONS[0]), *((which, VERSIONS[1]) for which in SETS)])
def test_each_document_is_as_its_schema_says(which: str, version: str) -> None:
    for document in manifests(which):
        if document["kind"] in CUSTOM["kinds"]:
            schema = {"$defs": CUSTOM["$defs"], **CUSTOM["kinds"][document["kind"]]}
            jsonschema.Draft202012Validator(schema).validate(document)
        else:
            kubernetes_validate.validate(document, version, strict=True)


def test_a_slip_of_the_pen_is_found() -> None:
    (api,) = [one for one in of_kind(manifests("base"), "Deployment") if one["metadata"]["name"] == "viva-voce-api"]
    wrong = json.loads(json.dumps(api).replace("readinessProbe", "readynessProbe"))
    with pytest.raises(kubernetes_validate.ValidationError):
        kubernetes_validate.validate(wrong, VERSIONS[-1], strict=True)


@every_set
def test_the_programs_of_the_house_run(documents: tuple[Doc, ...]) -> None:
    assert {(one.name.removeprefix("viva-voce-"), one.kind) for one in pods(documents)} == {
        ("api", "Deployment"), ("worker", "Deployment"), ("upkeep", "Deployment"), ("beat", "Deployment"),
        ("cleanup", "CronJob"),
    } | ({("rtp", "Deployment")} if documents == manifests("rtp") else set())  # fmt: skip
    listens = {name: pods_of(documents, name).container["args"] for name in ("worker", "upkeep")}
    assert f"--queues={QUEUE}" in listens["worker"]
    assert f"--queues={UPKEEP_QUEUE}" in listens["upkeep"]
    assert pods_of(documents, "cleanup").container["command"] == ["python", "-m", "scripts.cleanup"]
    assert named(documents, "CronJob", "viva-voce-cleanup")["spec"]["concurrencyPolicy"] == "Forbid"


@every_pod
def test_settings_are_settings_and_their_sources_are_there(documents: tuple[Doc, ...], one: Pods) -> None:
    assert {name.lower() for name in set(environment(documents, one)) - NOT_OURS} <= set(Settings.model_fields)
    sources = [entry["valueFrom"] for entry in one.container["env"] if "valueFrom" in entry]
    references = [source["secretKeyRef"] for source in sources if "fieldRef" not in source]
    assert {reference["name"] for reference in references} == {"viva-voce"}
    assert {reference["key"] for reference in references} <= SECRETS
    assert {"MONGODB_URL", "REDIS_URL"} <= {reference["key"] for reference in references}
    plain = {name: value for name, value in environment(documents, one).items() if value is not None}
    Settings.model_validate({name.lower(): value for name, value in plain.items()})


def test_every_secret_setting_reaches_who_needs_it_and_nobody_else() -> None:
    documents = manifests("base")
    given = {one.name: {e["name"] for e in one.container["env"] if "valueFrom" in e} for one in pods(documents)}
    secrets = {name.upper() for name, field in Settings.model_fields.items() if "SecretStr" in str(field.annotation)}
    assert secrets <= set().union(*given.values()), "wire it in deploy/kubernetes/base, from the Secret"
    assert secrets <= SECRETS, "list it in deploy/kubernetes/secrets.env.example"
    assert "OPENAI_API_KEY" not in given["viva-voce-api"]
    assert all("JWT_SECRET" not in keys for name, keys in given.items() if name != "viva-voce-api")


@every_pod
def test_a_pod_has_the_rights_of_a_plain_user_who_writes_nowhere(documents: tuple[Doc, ...], one: Pods) -> None:
    assert one.spec["securityContext"]["runAsNonRoot"] is True
    uid, gid = (re.findall(rf"--{each} (\d+)", (ROOT / "Dockerfile").read_text()) for each in ("uid", "gid"))
    assert [str(one.spec["securityContext"]["runAsUser"])] == uid
    assert [str(one.spec["securityContext"]["runAsGroup"])] == gid
    assert one.spec["securityContext"]["seccompProfile"] == {"type": "RuntimeDefault"}
    assert one.spec["automountServiceAccountToken"] is False
    assert one.container["securityContext"] == {
        "allowPrivilegeEscalation": False, "readOnlyRootFilesystem": True, "capabilities": {"drop": ["ALL"]}
    }  # fmt: skip
    mounts = {mount["mountPath"]: mount["name"] for mount in one.container["volumeMounts"]}
    assert set(mounts.values()) == {volume["name"] for volume in one.spec["volumes"]}
    given = environment(documents, one)
    keys = set() if one.name == "viva-voce-beat" else {given["KEYRING_DIR"]}
    assert {"/tmp", given["CACHE_DIR"]} | keys == set(mounts)


@every_pod
def test_who_seals_or_opens_recordings_has_the_keys_and_who_only_opens_cannot_write_them(
    documents: tuple[Doc, ...], one: Pods
) -> None:
    mounts = [mount for mount in one.container["volumeMounts"] if mount["name"] == "keys"]
    claims = [
        volume["persistentVolumeClaim"]["claimName"] for volume in one.spec["volumes"] if volume["name"] == "keys"
    ]
    name = one.name.removeprefix("viva-voce-")
    assert [mount.get("readOnly", False) for mount in mounts] == ([] if name == "beat" else [name in ("worker", "rtp")])
    assert claims == ["viva-voce-keys"] * len(mounts)
    claim = named(documents, "PersistentVolumeClaim", "viva-voce-keys")
    assert claim["spec"]["accessModes"] == ["ReadWriteMany"]


@every_pod
def test_memory_is_bounded(documents: tuple[Doc, ...], one: Pods) -> None:
    resources = one.container["resources"]
    assert mebibytes(resources["requests"]["memory"]) <= mebibytes(resources["limits"]["memory"])
    assert resources["requests"]["cpu"]


@every_pod
def test_an_image_is_one_that_the_dockerfile_makes(documents: tuple[Doc, ...], one: Pods) -> None:
    targets = re.findall(r"^FROM .* AS ([\w-]+)$", (ROOT / "Dockerfile").read_text(), re.MULTILINE)
    name, _, version = one.container["image"].rpartition(":")
    assert name.rpartition("/")[2].removeprefix("viva-voce-") in targets
    assert re.fullmatch(r"\d+\.\d+\.\d+", version)


@every_set
def test_selectors_find_their_pods_and_no_others(documents: tuple[Doc, ...]) -> None:
    for one in of_kind(documents, "Deployment", "PodDisruptionBudget", "Service"):
        selector = one["spec"]["selector"]
        wanted = (selector if one["kind"] == "Service" else selector["matchLabels"]).items()
        found = [p.name for p in pods(documents) if wanted <= p.labels.items()]
        assert found == [one["metadata"]["name"]], one["kind"]


@every_set
def test_every_port_that_is_named_is_there(documents: tuple[Doc, ...]) -> None:
    container = pods_of(documents, "api").container
    ports = {port["name"]: port["containerPort"] for port in container["ports"]}
    assert f"--port={ports['http']}" in container["args"]
    probes = [container[probe]["httpGet"] for probe in ("startupProbe", "livenessProbe", "readinessProbe")]
    assert [probe["path"] for probe in probes] == ["/healthz", "/healthz", "/readyz"]
    (service,) = of_kind(documents, "Service")
    assert {probe["port"] for probe in probes} | {p["targetPort"] for p in service["spec"]["ports"]} <= set(ports)
    policy = named(documents, "NetworkPolicy", "viva-voce-api")
    assert [rule["ports"] for rule in policy["spec"]["ingress"]] == [[{"protocol": "TCP", "port": "http"}]]


def test_the_example_is_reached_and_watched_by_the_ports_of_its_service() -> None:
    documents = manifests("example")
    (service,) = of_kind(documents, "Service")
    names = {port["name"] for port in service["spec"]["ports"]}
    (ingress,), (monitor,) = of_kind(documents, "Ingress"), of_kind(documents, "ServiceMonitor")
    backend = ingress["spec"]["rules"][0]["http"]["paths"][0]["backend"]["service"]
    assert backend["name"] == service["metadata"]["name"]
    assert {backend["port"]["name"], *(end["port"] for end in monitor["spec"]["endpoints"])} <= names
    assert monitor["spec"]["selector"]["matchLabels"].items() <= service["metadata"]["labels"].items()
    job = service["metadata"]["labels"][monitor["spec"]["jobLabel"]]
    assert f'up{{job="{job}"}}' in (ROOT / "deploy/prometheus/alerts.yml").read_text()
    assert {end["authorization"]["credentials"]["key"] for end in monitor["spec"]["endpoints"]} <= SECRETS


def test_the_operators_rules_are_the_rules() -> None:
    (rule,) = of_kind(manifests("example"), "PrometheusRule")
    alerts = yaml.safe_load((ROOT / "deploy/prometheus/alerts.yml").read_text())
    assert rule["spec"]["groups"] == alerts["groups"]


def test_the_api_is_started_here_and_in_its_image_as_the_local_stack_starts_it() -> None:
    local = processes.api(8000, ()).command
    door = local[local.index("-m") + 1]
    assert pods_of(manifests("base"), "api").container["command"] == ["python", "-m", door]
    image = re.findall(r'"([^"]+)"', (ROOT / "Dockerfile").read_text().rpartition("CMD")[2])
    assert image[:3] == ["python", "-m", door]


@every_set
def test_a_worker_may_end_what_it_has_begun(documents: tuple[Doc, ...]) -> None:
    worker = pods_of(documents, "worker")
    drain = float(environment(documents, worker)["DRAIN_SECONDS"])
    assert HARD_LIMIT <= drain < worker.spec["terminationGracePeriodSeconds"]


@every_set
def test_the_api_leaves_the_service_before_it_stops(documents: tuple[Doc, ...]) -> None:
    api = pods_of(documents, "api")
    pause = api.container["lifecycle"]["preStop"]["sleep"]["seconds"]
    (ending,) = [int(a.partition("=")[2]) for a in api.container["args"] if a.startswith("--grace=")]
    assert pause > 0
    assert pause + ending < api.spec["terminationGracePeriodSeconds"]


@every_set
def test_draining_a_node_takes_one_pod_at_a_time_and_is_never_held_up(documents: tuple[Doc, ...]) -> None:
    budgets = {one["metadata"]["name"]: one["spec"] for one in of_kind(documents, "PodDisruptionBudget")}
    assert set(budgets) == {"viva-voce-api", "viva-voce-worker"}
    assert all(spec["maxUnavailable"] == 1 and "minAvailable" not in spec for spec in budgets.values())


@every_set
def test_the_backlog_that_is_counted_is_the_queue_of_record(documents: tuple[Doc, ...]) -> None:
    (scaled,), (login,) = of_kind(documents, "ScaledObject"), of_kind(documents, "TriggerAuthentication")
    worker = named(documents, "Deployment", scaled["spec"]["scaleTargetRef"]["name"])
    assert "replicas" not in worker["spec"], "two would pull at one number"
    (trigger,) = scaled["spec"]["triggers"]
    query = json_util.loads(trigger["metadata"]["query"])
    assert set(query["state"]["$in"]) == {PartState.QUEUED.value, PartState.PROCESSING.value} == set(PENDING_STATES)
    assert trigger["metadata"]["collection"] in INDEXES
    assert trigger["metadata"]["dbName"] == Settings.model_fields["mongodb_database"].default
    assert trigger["authenticationRef"]["name"] == login["metadata"]["name"]
    assert {one["key"] for one in login["spec"]["secretTargetRef"]} <= SECRETS
    spec = scaled["spec"]
    assert 1 <= spec["minReplicaCount"] <= spec["fallback"]["replicas"] <= spec["maxReplicaCount"]


def test_a_local_worker_has_a_core_for_each_thread() -> None:
    worker = pods_of(manifests("base"), "worker")
    threads = environment(manifests("base"), worker)["SPEECH_THREADS"]
    assert worker.container["resources"]["requests"]["cpu"] == worker.container["resources"]["limits"]["cpu"] == threads


def test_a_hosted_worker_waits_for_others_and_needs_no_core_for_it() -> None:
    documents = manifests("hosted")
    worker = pods_of(documents, "worker")
    assert environment(documents, worker)["SPEECH_ENGINE"] == "openai"
    assert worker.container["image"].startswith("viva-voce-worker:")
    assert "cpu" not in worker.container["resources"]["limits"]
    (scaled,) = of_kind(documents, "ScaledObject")
    concurrency = Settings.model_fields["openai_concurrency"].default
    assert scaled["spec"]["triggers"][0]["metadata"]["queryValue"] == str(concurrency)


def test_the_apis_memory_lasts_for_as_many_uploads_as_it_takes() -> None:
    documents = manifests("base")
    api = pods_of(documents, "api")
    results = json.loads((ROOT / "benchmarks/results.json").read_text())
    (measured,) = [result for result in results if result["name"] == "memory of an upload in flight"]
    each = max(measured["high"], float(measured["goal"].removeprefix("<= ")))
    most = IDLE_API + each * int(environment(documents, api)["MAX_UPLOADS"])
    assert most < mebibytes(api.container["resources"]["limits"]["memory"])


def policies_of(documents: tuple[Doc, ...], one: Pods, kind: str) -> list[Doc]:
    return [
        policy["spec"]
        for policy in of_kind(documents, "NetworkPolicy")
        if kind in policy["spec"]["policyTypes"]
        and policy["spec"]["podSelector"]["matchLabels"].items() <= one.labels.items()
    ]


def ports_of(policies: list[Doc], direction: str) -> set[Any]:
    return {port["port"] for policy in policies for rule in policy.get(direction, []) for port in rule["ports"]}


@every_pod
def test_the_network_is_shut_but_for_what_is_needed(documents: tuple[Doc, ...], one: Pods) -> None:
    come, go = policies_of(documents, one, "Ingress"), policies_of(documents, one, "Egress")
    assert any("ingress" not in policy for policy in come), "what no policy names is open"
    assert any("egress" not in policy for policy in go)
    calls_out = one.name in {"viva-voce-api", "viva-voce-worker", "viva-voce-upkeep"}
    assert ports_of(go, "egress") == {53, 27017, 6379} | ({443} if calls_out else set())
    assert ports_of(come, "ingress") == ({"http"} if one.name == "viva-voce-api" else set())
    for policy, direction in product(come + go, ("ingress", "egress")):
        for rule in policy.get(direction, []):
            assert rule.get("from" if direction == "ingress" else "to"), "from or to everywhere"


def test_calls_to_the_outside_reach_nothing_private() -> None:
    (rule,) = named(manifests("base"), "NetworkPolicy", "viva-voce-https")["spec"]["egress"]
    shut = {cidr for block in rule["to"] for cidr in block["ipBlock"]["except"]}
    assert {"10.0.0.0/8", "172.16.0.0/12", "192.168.0.0/16", "169.254.0.0/16", "127.0.0.0/8", "fc00::/7"} <= shut
