"""What compose.yaml promises."""

import re
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest
import yaml

from app.config import Settings
from scripts.stack.layout import ROOT

TEXT = (ROOT / "compose.yaml").read_text()
COMPOSE: dict[str, Any] = yaml.safe_load(TEXT)
SERVICES: dict[str, dict[str, Any]] = COMPOSE["services"]
HOUSE = ["api", "worker", "worker-local", "upkeep", "beat", "rtp"]
PROFILES = {
    "observability": {"prometheus", "grafana"},
    "flower": {"flower"},
    "local-whisper": {"worker-local"},
    "rtp": {"rtp"},
}
TARGETS = set(re.findall(r"^FROM .* AS ([\w-]+)$", (ROOT / "Dockerfile").read_text(), re.MULTILINE))
# What Compose itself reads of .env, beside the settings.
COMPOSES_OWN = {
    "API_MEMORY", "BEAT_MEMORY", "MONGODB_MEMORY", "UPKEEP_MEMORY", "VALKEY_KEEPS", "VALKEY_MEMORY", "WORKER_MEMORY",
    "FLOWER_BASIC_AUTH", "FLOWER_PORT", "GRAFANA_ADMIN_PASSWORD", "GRAFANA_PORT", "PORT", "PROMETHEUS_PORT",
    "MONGODB_PASSWORD", "REDIS_PASSWORD", "RTP_MEMORY", "WORKER_TARGET",
}  # fmt: skip


def words(name: str) -> list[str]:
    """What the script of a service runs."""
    return list(SERVICES[name]["command"][2].split())


def given(value: str) -> str:
    """What stands there where .env says nothing."""
    return re.sub(r"^\$\{\w+:-(.*)\}$", r"\1", str(value))


def test_the_file_is_as_the_compose_specification_says() -> None:
    check = [sys.executable, "-m", "check_jsonschema", "--builtin-schema", "vendor.compose-spec"]
    done = subprocess.run([*check, "compose.yaml"], cwd=ROOT, capture_output=True, text=True)
    assert done.returncode == 0, done.stdout


def test_the_services_are_these() -> None:
    assert set(SERVICES) == {"mongodb", "valkey", *HOUSE, "prometheus", "grafana", "flower"}
    assert "version" not in COMPOSE


def test_a_container_that_takes_calls_in_is_known_again_when_it_is_made_anew() -> None:
    assert SERVICES["rtp"]["hostname"] == "rtp"


def test_what_nobody_needs_waits_for_its_profile() -> None:
    found: dict[str, set[str]] = {}
    for name, service in SERVICES.items():
        for profile in service.get("profiles", []):
            found.setdefault(profile, set()).add(name)
    assert found == PROFILES


def test_only_the_api_and_what_takes_in_calls_are_published_beyond_this_machine() -> None:
    ports = {name: port for name, service in SERVICES.items() for port in service.get("ports", [])}
    assert {name for name, port in ports.items() if not port.startswith("127.0.0.1:")} == {"api", "rtp"}
    assert ports["rtp"].endswith("/udp")
    assert set(ports) == {"api", "rtp", "prometheus", "grafana", "flower"}, "databases are not published"


@pytest.mark.parametrize("name", SERVICES)
def test_every_service_is_watched_and_comes_back(name: str) -> None:
    assert SERVICES[name]["healthcheck"]["test"]
    assert SERVICES[name]["restart"] == "unless-stopped"


@pytest.mark.parametrize("name", SERVICES)
def test_an_image_is_pinned_to_a_release_or_built_here(name: str) -> None:
    service = SERVICES[name]
    if "image" in service:
        assert re.fullmatch(r"[\w/-]+:v?\d+\.\d+\.\d+(-[\w.]+)?", service["image"])
    else:
        target = re.sub(r"^\$\{\w+:-([\w-]+)\}$", r"\1", service["build"]["target"])
        assert target in TARGETS


@pytest.mark.parametrize("name", HOUSE)
def test_the_house_waits_for_its_stores_and_cannot_write_to_its_image(name: str) -> None:
    waits = {store: wait["condition"] for store, wait in SERVICES[name]["depends_on"].items()}
    assert waits == {"mongodb": "service_healthy", "valkey": "service_healthy"}
    assert SERVICES[name]["read_only"] is True
    assert any(mount.startswith("/tmp") for mount in SERVICES[name]["tmpfs"])


@pytest.mark.parametrize("name", [*HOUSE, "prometheus", "grafana", "flower"])
def test_nobody_has_more_rights_than_a_plain_user(name: str) -> None:
    assert SERVICES[name]["cap_drop"] == ["ALL"]
    assert SERVICES[name]["security_opt"] == ["no-new-privileges:true"]


@pytest.mark.parametrize("name", HOUSE)
def test_every_part_of_the_house_has_the_same_addresses(name: str) -> None:
    environment = SERVICES[name]["environment"]
    named = {name: re.sub(r"\$\{(\w+):\?[^}]+\}", r"<\1>", given(value)) for name, value in environment.items()}
    assert named["MONGODB_URL"] == "mongodb://viva_voce:<MONGODB_PASSWORD>@mongodb:27017/?replicaSet=rs0"
    assert named["REDIS_URL"] == "redis://:<REDIS_PASSWORD>@valkey:6379/0"
    assert {setting.lower() for setting in environment} <= set(Settings.model_fields)


@pytest.mark.parametrize("name", ["worker", "worker-local"])
def test_a_worker_ends_its_work_before_it_is_killed(name: str) -> None:
    grace = int(SERVICES[name]["stop_grace_period"].removesuffix("s"))
    (most,) = [each.le for each in Settings.model_fields["drain_seconds"].metadata if hasattr(each, "le")]
    assert grace > most, "whatever .env says"
    assert given(SERVICES[name]["environment"]["DRAIN_SECONDS"]) == "60"


def test_who_seals_or_opens_recordings_has_the_keys_and_who_only_opens_cannot_write_them() -> None:
    mounts = {name: [each for each in SERVICES[name].get("volumes", []) if each.startswith("keys:")] for name in HOUSE}
    read, written = ["keys:/keys:ro"], ["keys:/keys"]
    assert mounts == {"api": written, "upkeep": written, "worker": read, "worker-local": read, "beat": [], "rtp": read}
    assert {SERVICES[name]["environment"]["KEYRING_DIR"] for name in HOUSE} == {"/keys"}
    assert "install -d -m 700 -o house -g house /keys" in (ROOT / "Dockerfile").read_text()


def test_the_local_worker_differs_by_its_engine_alone() -> None:
    local, other = SERVICES["worker-local"], SERVICES["worker"]
    assert local["environment"]["SPEECH_ENGINE"] == "local"
    assert local["command"] == other["command"]
    assert local["build"]["target"] == "worker-local"


def test_what_is_asked_of_the_environment_is_a_setting_or_named_here() -> None:
    asked = set(re.findall(r"(?<!\$)\$\{(\w+)", TEXT)) | {s["environment"] for s in COMPOSE["secrets"].values()}
    assert asked - {name.upper() for name in Settings.model_fields} == COMPOSES_OWN


def test_no_secret_is_in_the_file_and_none_is_asked_for_that_may_be_missing() -> None:
    assert "JWT_SECRET" not in re.sub(r"#.*", "", TEXT), "it comes with .env, or JWKS_URL does; the API says if neither"
    assert SERVICES["flower"]["environment"]["FLOWER_BASIC_AUTH"] == "${FLOWER_BASIC_AUTH:-}"
    assert all(set(secret) == {"environment"} for secret in COMPOSE["secrets"].values())


@pytest.mark.parametrize("name", HOUSE)
def test_what_env_says_reaches_the_house(name: str) -> None:
    service = SERVICES[name]
    assert service["env_file"] == [".env"]
    fixed = {setting for setting, value in service["environment"].items() if "${" not in str(value)}
    own = {
        "CACHE_DIR",
        "KEYRING_DIR",
        "PROCESS",
        "HEARTBEAT_FILE",
        *({"RTP_BIND"} if name == "rtp" else ()),
        *({"SPEECH_ENGINE"} if name == "worker-local" else ()),
    }
    assert fixed <= own, "these are the image's and the service's own; all else is .env's to say"


@pytest.mark.parametrize("name", SERVICES)
def test_nothing_fills_the_disk_with_logs_or_takes_all_memory(name: str) -> None:
    assert SERVICES[name]["logging"]["options"] == {"max-size": "20m", "max-file": "5"}
    assert re.fullmatch(r"\d+[mg]", given(SERVICES[name]["mem_limit"]))


def test_what_the_broker_keeps_fits_into_its_memory() -> None:
    command = words("valkey")
    keeps = given(command[command.index("--maxmemory") + 1])
    assert int(keeps.removesuffix("mb")) < int(given(SERVICES["valkey"]["mem_limit"]).removesuffix("m"))


@pytest.mark.parametrize("name", ["worker", "worker-local", "upkeep", "rtp"])
def test_a_workers_health_is_the_file_that_it_touches(name: str) -> None:
    (script,) = SERVICES[name]["healthcheck"]["test"][1:]
    assert f"find {SERVICES[name]['environment']['HEARTBEAT_FILE']} -mmin" in script
    command = " ".join(SERVICES[name]["command"])
    assert "--without-heartbeat" not in command


def test_each_process_of_the_house_says_what_it_is() -> None:
    said = {name: SERVICES[name]["environment"].get("PROCESS", "as the image") for name in HOUSE}
    assert said == {
        "api": "as the image", "worker": "worker", "worker-local": "worker", "upkeep": "upkeep", "beat": "beat",
        "rtp": "rtp",
    }  # fmt: skip


def test_flower_does_not_start_without_a_password() -> None:
    script = SERVICES["flower"]["command"][0].replace("$$", "$").replace("exec celery flower", "echo flower")
    done = {
        word: subprocess.run(["sh", "-ec", script], env={"FLOWER_BASIC_AUTH": word}, capture_output=True, text=True)
        for word in ("", "operator:secret")
    }
    assert done[""].returncode != 0
    assert "FLOWER_BASIC_AUTH=user:password" in done[""].stderr
    assert done["operator:secret"].stdout.startswith("flower --address")


def test_prometheus_finds_its_files_where_it_looks_for_them() -> None:
    prometheus = SERVICES["prometheus"]
    config = yaml.safe_load((ROOT / "deploy/prometheus/prometheus.yml").read_text())
    mounts = dict(volume.split(":")[:2] for volume in prometheus["volumes"])
    assert {f"./deploy/prometheus/{name}" for name in ("prometheus.yml", *config["rule_files"])} < set(mounts)
    token = config["scrape_configs"][0]["authorization"]["credentials_file"]
    assert prometheus["secrets"] == [{"source": "metrics_token", "target": f"/etc/prometheus/{token}"}]


def test_the_mounted_files_are_there() -> None:
    mounts = [volume.split(":")[0] for service in SERVICES.values() for volume in service.get("volumes", [])]
    folders = [mount for mount in mounts if mount.startswith("./")]
    assert folders
    assert [mount for mount in folders if not (ROOT / mount).exists()] == []
    assert {mount for mount in mounts if not mount.startswith("./")} == set(COMPOSE["volumes"])


def test_the_broker_keeps_what_it_was_given() -> None:
    command = words("valkey")
    assert command[command.index("--appendonly") + 1] == "yes"
    assert command[command.index("--maxmemory-policy") + 1] == "noeviction"


@pytest.mark.parametrize("name", ["mongodb", "valkey"])
def test_a_store_asks_for_a_password_and_tells_it_to_nobody(name: str) -> None:
    service = SERVICES[name]
    variable, given = {
        "mongodb": ("MONGODB_PASSWORD", "MONGODB_PASSWORD"),
        "valkey": ("REDISCLI_AUTH", "REDIS_PASSWORD"),
    }[name]
    assert service["environment"] == {variable: f"${{{given}:-}}"}
    script = service["command"][2]
    started = script[script.index("docker-entrypoint.sh") :]
    assert variable not in started, "every user of the machine sees a command line"
    assert {"mongodb": "--keyFile", "valkey": "requirepass"}[name] in script


@pytest.mark.parametrize("tool", ["mongodump", "mongorestore"])
def test_the_handbooks_backup_gives_the_password_and_shows_it_to_nobody(tool: str, tmp_path: Path) -> None:
    """What it says for compose, with a Compose that runs it here and a tool that prints what it is given."""
    (block,) = re.findall(r"\n((?:    .*\n)*    AS=.*\n(?:    .*\n)*)", (ROOT / "docs" / "operations.md").read_text())
    tools = {
        "docker": 'shift 4; exec "$@"\n',
        tool: 'printf "%s\\n" "$@"; for each; do case $each in --config=*) cat "${each#--config=}"; esac; done\n',
    }
    for name, script in tools.items():
        (tmp_path / name).write_text(f"#!/bin/sh\n{script}")
        (tmp_path / name).chmod(0o755)
    (tmp_path / "viva-voce.archive.gz").touch()
    lines = [line.strip().partition(" > ")[0] for line in block.splitlines() if "AS=" in line or f'"{tool} ' in line]
    environment = {"PATH": f"{tmp_path}:/usr/bin:/bin", "MONGODB_PASSWORD": "hidden"}
    command = ["bash", "-euc", "\n".join(lines)]
    done = subprocess.run(command, cwd=tmp_path, env=environment, capture_output=True, text=True, check=True)
    *words, config = done.stdout.splitlines()
    assert config == "password: hidden"
    assert {"--username=viva_voce", "--authenticationDatabase=admin", "--gzip", "--archive"} < set(words)
    assert "hidden" not in " ".join(words)


def test_the_log_of_mongod_goes_through_what_leaves_data_out(tmp_path: Path) -> None:
    script = SERVICES["mongodb"]["command"][2].replace("$$", "$")
    said = '{"t":1,"s":"W",  "c":"%s",  "id":1,   "ctx":"conn","msg":"%s","attr":{%s}}'
    lines = [
        said % ("COMMAND", "it broke off", '"cmd":{"x":"planted, {"}'),
        said % ("STORAGE", "Index build: failed", '"error":{"errmsg":"dup key: planted"}'),
        said % ("STORAGE", "WiredTiger error", '"message":"No space left"'),
        said % ("REPL", "a new state", '"newState":"PRIMARY"'),
    ]
    (tmp_path / "docker-entrypoint.sh").write_text(f"#!/bin/sh\ncat <<'END'\n{chr(10).join(lines)}\nEND\n")
    (tmp_path / "docker-entrypoint.sh").chmod(0o755)
    run = script[script.index("exec docker-entrypoint.sh") :]
    command = ["bash", "-c", f"{run}\n"]
    done = subprocess.run(command, env={"PATH": f"{tmp_path}:/usr/bin:/bin"}, capture_output=True, text=True)
    heads = [line.partition(',"attr"')[0] + "}" for line in lines[:2]]
    assert done.stdout.splitlines() == [*heads, *lines[2:]]
