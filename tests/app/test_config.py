"""What the settings make of the environment."""

import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest
from pydantic import SecretStr, ValidationError

from app.config import Settings, StackSettings
from app.environment import sentences, strangers
from app.main import make_tokens
from app.values import shown
from scripts.stack.layout import ROOT
from tests.at_length import long_but

KEY = "sk-0123456789"
SECRET = "s" * 32


def read(monkeypatch: pytest.MonkeyPatch, **given: str) -> Settings:
    for name, value in given.items():
        monkeypatch.setenv(name, value)
    return Settings()


def refused(**given: Any) -> list[str]:
    with pytest.raises(ValidationError) as trouble:
        Settings(**given)
    return sentences(trouble.value)


@pytest.mark.parametrize("name", sorted(set(Settings.model_fields) - Settings.empty_says_something))
def test_what_is_empty_is_not_set(name: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv(name.upper(), raising=False)
    unset = Settings()
    for empty in ("", "  ", "\r\n"):
        found = read(monkeypatch, **{name.upper(): empty})
        assert found == unset, repr(empty)
        assert name not in found.model_fields_set, repr(empty)


@pytest.mark.parametrize("name", sorted(Settings.empty_says_something))
def test_an_empty_rate_is_no_limit(name: str, monkeypatch: pytest.MonkeyPatch) -> None:
    assert getattr(read(monkeypatch, **{name.upper(): ""}), name) == ""
    assert "empty: no limit" in str(Settings.model_fields[name].description)


def test_the_stack_takes_what_is_empty_as_not_set(monkeypatch: pytest.MonkeyPatch) -> None:
    for name in StackSettings.model_fields:
        monkeypatch.setenv(name.upper(), "")
    assert StackSettings() == StackSettings.model_construct()


@pytest.mark.parametrize("end", ["\n", "\r\n", " ", "\t"])
def test_white_space_at_the_ends_is_not_part_of_it(end: str, monkeypatch: pytest.MonkeyPatch) -> None:
    settings = read(
        monkeypatch,
        JWT_SECRET=SECRET + end,
        OPENAI_API_KEY=end + KEY + end,
        LEASE_SECONDS="70" + end,
        LOG_LEVEL="INFO" + end,
    )
    assert settings.jwt_secret is not None and settings.jwt_secret.get_secret_value() == SECRET
    assert settings.openai_api_key is not None and settings.openai_api_key.get_secret_value() == KEY
    assert (settings.lease_seconds, settings.log_level) == (70, "info")


WORDS = ["jwt_secret", "openai_api_key", "metrics_token", "jwt_audience", "openai_speech_model", "scorer_model"]


@pytest.mark.parametrize("name", WORDS)
@pytest.mark.parametrize(
    ("inside", "said"), [(" ", "white space"), ("\n", "line break"), ("\t", "control character"), ("\x00", "control")]
)
def test_white_space_inside_is_named(name: str, inside: str, said: str) -> None:
    (sentence,) = refused(**{name: f"{SECRET}{inside}{SECRET}"})
    assert sentence.startswith(f"{name.upper()} has")
    assert said in sentence


@pytest.mark.parametrize("name", sorted(Settings.model_fields))
@pytest.mark.parametrize("quote", ['"', "'"])
def test_quotes_are_named_and_not_taken_along(name: str, quote: str) -> None:
    (sentence,) = refused(**{name: f"{quote}{KEY}{quote}"})
    assert sentence == f"{name.upper()} is in quotes, which would be part of it: write it without them."


NUMBERS = sorted(name for name, field in Settings.model_fields.items() if field.annotation in (int, float))
OVER_NOTHING = [
    name for name in NUMBERS if all(getattr(each, "ge", 1) > 0 for each in Settings.model_fields[name].metadata)
]


@pytest.mark.parametrize(
    ("name", "value"),
    [(name, value) for name in NUMBERS for value in ("inf", "-inf", "nan", "-1", "1e30", "many")]
    + [(name, "1e-9") for name in OVER_NOTHING],
)
def test_a_number_is_within_bounds(name: str, value: str) -> None:
    (sentence,) = [said for said in refused(**{name: value}) if said.startswith(name.upper())]
    assert "must be" in sentence


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("redis_url", "127.0.0.1:6379"),
        ("redis_url", "valkey:6379/0"),
        ("redis_url", "amqp://h:5672"),
        ("redis_url", "redis://h:6379/zero"),
        ("redis_url", "redis://h:port/0"),
        ("redis_url", "redis://"),
        ("mongodb_url", "127.0.0.1:27017"),
        ("mongodb_url", "mongodb://user:p@ss@h:27017/"),
        ("mongodb_url", "mongodb://h:port/"),
        ("mongodb_url", "mongodb://"),
        ("mongodb_database", "a.b"),
        ("mongodb_database", "local"),
        ("mongodb_database", "n" * 64),
        ("jwks_url", "id.example.com/keys"),
        ("openai_base_url", "ftp://h/v1"),
        ("openai_api_key", "sk–0123"),
        ("cache_dir", "~nobody-of-this-name/cache"),
        ("heartbeat_file", "~nobody-of-this-name/heartbeat"),
        ("rate_uploads", "0/minute"),
        ("rate_uploads", "-1/minute"),
        ("rate_requests", "often"),
        ("rate_address", "1/second;100/hour"),
        ("cors_origins", "https://a.example/path"),
        ("cors_origins", "app.example.com"),
        ("speech_engine", "whisper"),
        ("log_level", "loud"),
        ("demo_page", "perhaps"),
    ],
)
def test_what_cannot_be_meant_is_one_sentence_that_names_it(name: str, value: str) -> None:
    (sentence,) = refused(**{name: value})
    assert sentence.startswith(f"{name.upper()} ")
    assert "\n" not in sentence
    assert "p@ss" not in sentence and "sk–" not in sentence


@pytest.mark.parametrize(
    "value",
    [
        "mongodb://a:1,b:2/?replicaSet=rs0",
        "mongodb+srv://u:p%40ss@cluster.example.net/",
        "mongodb://u:p%25@h/admin?authSource=x",
        "mongodb://h/viva_voce",
    ],
)
def test_addresses_of_mongodb_that_are_good(value: str) -> None:
    assert Settings(mongodb_url=value).mongodb_url == value


def test_a_database_in_the_address_is_not_passed_over_in_silence() -> None:
    (sentence,) = refused(mongodb_url="mongodb://h/interviews")
    assert "MONGODB_URL names the database interviews" in sentence
    assert "set MONGODB_DATABASE" in sentence
    assert Settings(mongodb_url="mongodb://h/logins", mongodb_database="interviews").mongodb_database == "interviews"


@pytest.mark.parametrize(
    ("given", "origins"),
    [
        ("https://a.example/", ["https://a.example"]),
        (" https://A.example:443 , http://localhost:3000/,", ["https://a.example", "http://localhost:3000"]),
        ("http://[::1]:80/", ["http://[::1]"]),
        ("https://bücher.example", ["https://xn--bcher-kva.example"]),
        ("*", ["*"]),
        ("", []),
    ],
)
def test_origins_are_as_browsers_send_them(given: str, origins: list[str]) -> None:
    assert Settings(cors_origins=given).origins == origins


def test_a_folder_may_be_in_the_home() -> None:
    assert Settings(cache_dir="~/cache").cache_dir == Path.home() / "cache"


MISTYPED = {
    "MONGODB_URI": "MONGODB_URL",
    "CORS_ORIGIN": "CORS_ORIGINS",
    "JWT_SECRET_KEY": "JWT_SECRET",
    "LOGLEVEL": "LOG_LEVEL",
}
OF_OTHERS = {
    "PATH", "HOME", "USER", "HOSTNAME", "TMPDIR", "PYTHONPATH", "HTTP_PROXY", "KUBERNETES_SERVICE_HOST", "MONGODB_PORT",
    "REDIS_PORT", "FORWARDED_ALLOW_IPS", "WEB_CONCURRENCY", "CELERY_BROKER_URL", "FLOWER_PORT", "GRAFANA_PORT",
    "PROMETHEUS_PORT", "WORKER_TARGET", "OPENAI_ORG_ID", "OMP_NUM_THREADS", "ROLE", "ONLY",
}  # fmt: skip


def test_what_is_almost_a_setting_is_warned_of_and_nothing_else() -> None:
    assert (
        strangers(Settings, StackSettings, given=[*MISTYPED, *OF_OTHERS, *map(str.upper, Settings.model_fields)])
        == MISTYPED
    )


@pytest.mark.parametrize(
    ("value", "said"),
    [
        (SecretStr("hush"), "set"),
        ("mongodb://u:hush@a:1,b:2/db?authMechanismProperties=hush", "mongodb://a:1,b:2/db"),
        ("redis://:hush@h/0", "redis://h/0"),
        ("https://a.example,https://b.example", "https://a.example,https://b.example"),
        (30.0, "30.0"),
    ],
)
def test_a_value_is_shown_without_what_is_secret(value: object, said: str) -> None:
    assert shown(value) == said


PROGRAMS = {
    "api": ("app.serve", "--port", "1"),
    "worker": ("celery", "-A", "celery_app", "worker"),
    "cleanup": ("scripts.cleanup",),
    "stack": ("scripts.stack.up",),
    "token": ("scripts.mint_token",),
}


@pytest.mark.parametrize("program", PROGRAMS)
def test_a_program_ends_with_the_sentence_and_nothing_else(program: str, tmp_path: Path) -> None:
    wrong = [f"STATE_DIR={tmp_path}", "MONGODB_URL=mongodb://u:hu@sh@h/", "REDIS_URL=h:6379"]
    command = ["env", *wrong, sys.executable, "-m", *PROGRAMS[program]]
    done = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, timeout=300)
    assert done.returncode == 1
    assert [line.split()[0] for line in done.stderr.splitlines()] == ["MONGODB_URL", "REDIS_URL"], done.stderr
    assert "hu@sh" not in done.stdout + done.stderr


@pytest.mark.parametrize("given", long_but([], of=[[], ["JWT_SECRET=short"]]))
def test_an_api_that_could_tell_nobody_ends_with_a_sentence(given: list[str]) -> None:
    command = ["env", "-u", "JWT_SECRET", "-u", "JWKS_URL", *given, sys.executable, "-m", *PROGRAMS["api"]]
    done = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, timeout=300)
    assert (done.returncode, len(done.stderr.splitlines())) == (1, 1), done.stderr
    assert "JWT_SECRET" in done.stderr


@pytest.mark.parametrize("program", long_but("api", of=["api", "cleanup"]))
def test_who_should_seal_recordings_and_has_no_keyring_ends_with_a_sentence(program: str) -> None:
    command = ["env", "-u", "KEYRING_DIR", f"JWT_SECRET={KEY * 3}", sys.executable, "-m", *PROGRAMS[program]]
    done = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, timeout=300)
    assert (done.returncode, len(done.stderr.splitlines())) == (1, 1), done.stderr
    assert "set KEYRING_DIR" in done.stderr
    assert "ENCRYPT_RECORDINGS=0" in done.stderr


def test_a_key_without_a_value_is_no_key(monkeypatch: pytest.MonkeyPatch) -> None:
    assert not read(monkeypatch, OPENAI_API_KEY="", SCORER_MODEL="any").uses_hosted_scorer
    assert read(monkeypatch, OPENAI_API_KEY=KEY, SCORER_MODEL="any").uses_hosted_scorer


def test_an_identity_providers_keys_alone_let_nobody_in() -> None:
    keys = "https://id.example.com/keys"
    with pytest.raises(ValueError, match="JWT_AUDIENCE"):
        make_tokens(Settings(jwks_url=keys))
    make_tokens(Settings(jwks_url=keys, jwt_audience="viva-voce"))


@pytest.mark.parametrize("store", ["local", "gcs", "s3"])
def test_a_store_of_calls_audio_that_cannot_be_met_is_said_in_a_sentence(store: str) -> None:
    [said] = refused(audio_storage_type=store)
    assert said.startswith(f"AUDIO_STORAGE_TYPE is {store}, which cannot be met: the audio of calls lies in MongoDB")
    assert Settings(audio_storage_type="GridFS").audio_storage_type == "gridfs"


def test_a_folder_for_calls_audio_is_refused_in_a_sentence() -> None:
    [said] = refused(audio_storage_path="/tmp/audio")
    assert said.startswith("AUDIO_STORAGE_PATH is set, which cannot be met")


def test_credentials_that_nobody_needs_are_no_error_and_are_said() -> None:
    settings = Settings(google_application_credentials="/etc/account.json")
    assert list(settings.unused) == ["GOOGLE_APPLICATION_CREDENTIALS"]
    assert Settings().unused == {}
