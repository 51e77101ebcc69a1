"""The settings: everything that is read from the environment.

Each field is an environment variable of the same name in capitals; an empty one is not set, but for those whose
description says what empty means. docs/configuration.md and .env.example are checked against this file.
"""

from functools import cached_property
from pathlib import Path
from typing import Annotated, Literal, Self
from urllib.parse import urlsplit

from pydantic import Field, model_validator

from app.environment import FromEnvironment
from app.retention import conflict, names_of, policy_of
from app.values import (
    CallStore,
    Choice,
    DatabaseName,
    Days,
    Folder,
    HeaderSecret,
    Host,
    HostToReach,
    HttpUrl,
    MongoUrl,
    NoPath,
    Origins,
    Ports,
    Rate,
    RedisUrl,
    Secret,
    Word,
)
from services.operations.ports.retained import RecordKind
from services.operations.retention import Policy

DAY = 24 * 3600.0
MOST_FAILED_AUDIO_HOURS = 87_600
OPENAI = "https://api.openai.com/v1"


class Settings(FromEnvironment):
    """Everything that can be set; the descriptions are the documentation."""

    empty_says_something = frozenset({"rate_uploads", "rate_requests", "rate_address", "rate_microphone_tests"})

    mongodb_url: MongoUrl = Field("mongodb://127.0.0.1:27017/?replicaSet=rs0", description="MongoDB, a replica set.")
    mongodb_database: DatabaseName = Field("viva_voce", description="Database that holds sessions, records and audio.")
    redis_url: RedisUrl = Field("redis://127.0.0.1:6379/0", description="Redis or Valkey: the doorbell.")

    jwt_secret: Secret | None = Field(None, description="Secret of HS256 bearer tokens, 32 bytes or more.")
    jwks_url: HttpUrl | None = Field(None, description="JWKS address for RS256/ES256 tokens, in place of a secret.")
    jwt_audience: Word | None = Field(None, description="Required `aud`; must be set with JWKS_URL.")
    jwt_issuer: Word | None = Field(None, description="Required `iss`, if set.")
    metrics_token: HeaderSecret | None = Field(
        None, description="Bearer token that may read /metrics; an admin's token may too."
    )
    grafana_url: HttpUrl | None = Field(None, description="Where Grafana is; the dashboard leads there, if set.")
    cors_origins: Origins = Field("", description="Browser origins that may call the API, separated by commas.")
    demo_page: bool = Field(
        False,
        description="Show the demo page at / and give its visitors tokens; for a local stack, with JWT_SECRET.",
    )

    api_processes: int = Field(
        1, ge=1, le=64, description="API processes behind one port; what is said of one process holds for each."
    )
    max_audio_bytes: int = Field(500 * 1024 * 1024, ge=1024, le=4 * 1024**3, description="Largest recording in bytes.")
    max_audio_seconds: float = Field(14_400.0, ge=1, le=DAY, description="Longest recording in seconds.")
    upload_idle_seconds: float = Field(
        30.0, ge=1, le=3600, description="An upload of which nothing arrives for so long ends."
    )
    upload_least_bytes_per_second: float = Field(
        512.0,
        ge=0,
        le=1_000_000,
        description="An upload that is slower than this over UPLOAD_IDLE_SECONDS ends.",
    )

    rate_uploads: Rate = Field("1200/minute", description="Uploads of one user; empty: no limit.")
    rate_requests: Rate = Field("12000/minute", description="Requests of one user, polling included; empty: no limit.")
    rate_address: Rate = Field(
        "60000/minute", description="Requests of one client address (see docs/limits.md on proxies); empty: no limit."
    )
    rate_microphone_tests: Rate = Field("30/minute", description="Microphone tests of one user; empty: no limit.")
    max_uploads_per_user: int = Field(
        256, ge=1, le=1_000_000, description="Uploads of one user in flight in one API process."
    )
    max_uploads: int = Field(1200, ge=1, le=1_000_000, description="Uploads in flight in one API process.")
    max_listeners_per_user: int = Field(
        50, ge=1, le=1_000_000, description="Event streams of one user open in one API process."
    )
    max_listeners: int = Field(
        5000, ge=1, le=1_000_000, description="Event streams open in one API process; each takes a file descriptor."
    )
    max_staged_megabytes: int = Field(
        16, ge=1, le=1024, description="Megabytes of one request under a checksum, or of one slice: held in memory."
    )
    arrival_hours: float = Field(
        24.0, ge=0.001, le=8_760, description="A recording in pieces is given up so long after its last piece."
    )
    arrival_most_hours: float = Field(
        96.0, ge=0.001, le=8_760, description="A recording in pieces is given up so long after it was begun."
    )
    max_arrivals_per_user: int = Field(
        64, ge=1, le=1_000_000, description="Recordings of one user that arrive in pieces."
    )
    max_arriving_megabytes_per_user: int = Field(
        4096, ge=1, le=10_000_000, description="Megabytes of one user's recordings that arrive in pieces."
    )
    max_arriving_megabytes: int = Field(
        65_536, ge=1, le=1_000_000_000, description="Megabytes of all recordings that arrive in pieces."
    )
    audio_cache_enabled: bool = Field(True, description="Take calls in; 0: none is begun, and none goes on.")
    audio_storage_type: CallStore = Field(
        "gridfs",
        description="Where the audio of calls lies until it is transcribed: `gridfs`, in MongoDB, sealed. Nothing else "
        "can be chosen.",
    )
    audio_storage_path: NoPath | None = Field(
        None, description="Must not be set: the audio of calls lies in no folder or bucket."
    )
    google_application_credentials: Folder | None = Field(
        None, description="Not used, which is said at start: no audio goes to Google's storage."
    )
    rtp_ports: Ports | None = Field(
        None,
        description="UDP ports at which calls are taken in as RTP, written like 40000-40199, of which each call takes "
        "four; not set: none are. Has `make up` start the process for it.",
    )
    rtp_host: HostToReach = Field("127.0.0.1", description="Where senders of RTP find this machine, as they are told.")
    rtp_bind: Host = Field("127.0.0.1", description="Address of this machine at which RTP is taken in.")
    call_silence_seconds: float = Field(
        60.0, ge=1, le=3600, description="A call of which nothing comes for so long has ended."
    )
    call_buffer_seconds: float = Field(
        0.2, ge=0, le=2, description="How long a call's packets are waited for that others have overtaken."
    )
    least_free_megabytes: int = Field(
        1024, ge=0, le=100_000_000, description="Free megabytes of the database's disk below which no pieces are taken."
    )
    max_queued_minutes: float = Field(
        6000.0,
        ge=0.1,
        le=1e9,
        description="Minutes of one user's recordings that may wait, estimated from their size.",
    )
    max_stored_megabytes_per_user: int = Field(
        1024, ge=1, le=10_000_000, description="Megabytes of sessions that a user may make, as they were sent."
    )
    max_webhooks_per_user: int = Field(10, ge=1, le=10_000, description="Webhooks that a user may have.")
    webhooks_allow_private: bool = Field(
        False, description="Webhooks may use plain http and private addresses; for development and tests only."
    )

    speech_engine: Annotated[Literal["auto", "local", "openai"], Choice] = Field(
        "auto", description="`openai` or `local`; `auto` is `openai` where OPENAI_API_KEY is set."
    )
    speech_model: str = Field(
        "base",
        description="Local engine: `base` (multilingual) or `tiny.en`, which come as packages; another name that "
        "faster-whisper knows (`large-v3`) or `owner/name` of a hub; or a CTranslate2 model's folder.",
    )
    speech_revision: Word | None = Field(
        None, description="Local engine: commit of a model from a hub; else what is fetched first is kept."
    )
    speech_offline: bool = Field(False, description="Local engine: fetch no model; what is in CACHE_DIR is used.")
    speech_idle_seconds: float = Field(
        0.0, ge=0, le=DAY, description="Local engine: let go of a model that nobody has needed for so long; 0: never."
    )
    speech_device: Literal["auto", "cpu", "cuda"] = Field(
        "auto", description="Local engine: `cpu` or `cuda`; `auto` is `cuda` where there is one."
    )
    speech_compute_type: Literal[
        "auto", "int8", "int8_float32", "int8_float16", "int8_bfloat16", "int16", "float16", "bfloat16", "float32"
    ] = Field("auto", description="Local engine: its numbers; `auto` is `int8` on cpu, `float16` on cuda.")
    speech_words: bool = Field(True, description="Local engine: also find when each word is said; some percent slower.")
    speech_threads: int = Field(0, ge=0, le=1024, description="Local engine: cores that transcribe; 0 is all of them.")
    receipt_keys: Folder | None = Field(
        None,
        description="Folder of Ed25519 keys (PEM); the last by name signs deletion receipts. Not set: none are made.",
    )
    openai_api_key: HeaderSecret | None = Field(None, description="Key of the hosted engine and scorer.")
    openai_base_url: HttpUrl | None = Field(None, description="Any server that speaks OpenAI's API.")
    openai_speech_model: Word = Field("gpt-transcribe", description="Hosted speech model.")
    openai_timeout_seconds: float = Field(
        50.0, ge=0.1, le=3600, description="Deadline of one hosted call; below the lease."
    )
    openai_concurrency: int = Field(
        64, ge=1, le=10_000, description="Hosted transcriptions in flight per worker process."
    )

    scorer: Annotated[Literal["auto", "coverage", "openai"], Choice] = Field(
        "auto", description="`coverage` or `openai`; `auto` is `openai` where a key and SCORER_MODEL are set."
    )
    scorer_model: Word | None = Field(None, description="Hosted scoring model.")

    lease_seconds: float = Field(
        60.0, ge=1, le=DAY, description="A worker that is silent for so long has lost its claim."
    )
    interim_text: bool = Field(
        False,
        description="Whether workers that have nothing else to do read what is being said right now, for those who "
        "listen to the events of its session; docs/events.md. A hosted engine is paid for each reading.",
    )
    max_deliveries: int = Field(5, ge=1, le=1000, description="How often a part may be claimed before it fails.")
    sweep_seconds: float = Field(5.0, ge=0.1, le=3600, description="How often the sweep runs.")
    failed_audio_hours: float = Field(
        24.0,
        ge=0,
        le=MOST_FAILED_AUDIO_HOURS,
        description="How long the audio of a failed answer is kept for a retry, unless the fault is its own.",
    )
    retain_sessions_days: Days = Field(
        "0",
        description="Sessions, from their last event: days at most, and the rule's name; 0: for ever.",
    )
    retain_sessions_least_days: Days = Field("0", description="The same: days at least, and the rule's name.")
    retain_recordings_days: Days = Field(
        "0",
        description="Records of recordings with transcripts: days at most, and the rule's name; 0: for ever.",
    )
    retain_recordings_least_days: Days = Field("0", description="The same: days at least, and the rule's name.")
    retain_events_days: Days = Field(
        "0", description="Events of sessions, from when they were told: days at most, and the rule's name; 0: for ever."
    )
    retain_events_least_days: Days = Field("0", description="The same: days at least, and the rule's name.")
    retain_deliveries_days: Days = Field(
        "30", description="Deliveries to webhooks: days at most, and the rule's name; 0: for ever."
    )
    retain_deliveries_least_days: Days = Field("0", description="The same: days at least, and the rule's name.")
    retain_audit_days: Days = Field(
        "0", description="Entries of the audit log: days at most, and the rule's name; 0: for ever."
    )
    retain_audit_least_days: Days = Field("0", description="The same: days at least, and the rule's name.")
    worker_silent_seconds: float = Field(
        60.0,
        ge=1,
        le=DAY,
        description="A worker that can give no sign of life for so long ends, to be started anew.",
    )
    drain_seconds: float = Field(3.0, ge=0, le=3600, description="How long a stopping worker lets its work finish.")

    encrypt_recordings: bool = Field(
        True,
        description="Seal each recording with a key of its own, which goes with its epoch; docs/keys.md.",
    )
    keyring_dir: Folder | None = Field(
        None,
        description="Folder of the epochs' keys, which API, workers, upkeep and cleanup share; must be set where "
        "recordings are sealed.",
    )
    epoch_hours: float = Field(24.0, ge=0.1, le=8_760, description="How long recordings are sealed under one epoch.")
    epoch_grace_hours: float = Field(
        1.0,
        ge=0.1,
        le=8_760,
        description="How long after the end of its last recording an epoch's key is destroyed.",
    )

    heartbeat_file: Folder | None = Field(
        None,
        description="Touched by a worker every two seconds while it listens to Redis; for a check of its health.",
    )
    process: Annotated[Literal["all", "api", "worker", "upkeep", "beat", "rtp"], Choice] = Field(
        "all", description="What runs here, so that the doctor judges only what that needs."
    )
    log_level: Annotated[Literal["debug", "info", "warning", "error"], Choice] = Field(
        "info", description="Least level that is logged."
    )
    log_format: Annotated[Literal["json", "console"], Choice] = Field("json", description="How log lines look.")
    cache_dir: Folder = Field(
        Path(".cache"), description="Where models are joined and kept; in compose always the images' own folder."
    )

    @model_validator(mode="after")
    def _one_database(self) -> Self:
        named = urlsplit(self.mongodb_url).path.strip("/")
        if "mongodb_database" not in self.model_fields_set and named not in ("", "admin", self.mongodb_database):
            raise ValueError(
                f"MONGODB_URL names the database {named}, which says only where its user is looked up: "
                f"set MONGODB_DATABASE to where the data shall be; until now that was {self.mongodb_database}"
            )
        return self

    @model_validator(mode="after")
    def _deadline_below_lease(self) -> Self:
        if self.openai_timeout_seconds >= self.lease_seconds:
            raise ValueError("OPENAI_TIMEOUT_SECONDS must be below LEASE_SECONDS; lower the one or raise the other")
        return self

    @model_validator(mode="after")
    def _retention_can_be_met(self) -> Self:
        if said := conflict(self.retention, self.failed_audio_hours):
            raise ValueError(said)
        return self

    @cached_property
    def retention(self) -> Policy:
        return policy_of({name: getattr(self, name) for kind in RecordKind for name in names_of(kind)})

    @cached_property
    def origins(self) -> list[str]:
        return self.cors_origins.split(",") if self.cors_origins else []

    @cached_property
    def uses_hosted_scorer(self) -> bool:
        has_both = bool(self.openai_api_key) and bool(self.scorer_model)
        return self.scorer == "openai" or (self.scorer == "auto" and has_both)

    @property
    def unused(self) -> dict[str, str]:
        """What is set and does nothing here, each with a sentence that says so."""
        said = "no audio goes to Google's storage: a call's lies in MongoDB until it is transcribed"
        return {"GOOGLE_APPLICATION_CREDENTIALS": said} if self.google_application_credentials else {}

    @property
    def hosted_engine(self) -> str | None:
        """The host that is given recordings; None where they do not leave the workers."""
        is_hosted = self.speech_engine == "openai" or (self.speech_engine == "auto" and self.openai_api_key is not None)
        return urlsplit(self.openai_base_url or OPENAI).hostname if is_hosted else None


class StackSettings(FromEnvironment):
    """What the local stack reads; an address that is set takes the place of an embedded server."""

    port: int = Field(default=8000, ge=1, le=65535, description="Port of the API on loopback.")
    state_dir: Folder = Field(default=Path(".local"), description="Everything the stack writes is in this folder.")
    mongodb_url: MongoUrl | None = Field(default=None, description="A replica set to use in place of the embedded one.")
    redis_url: RedisUrl | None = Field(
        default=None, description="A Redis or Valkey to use in place of the embedded one."
    )
    mongodb_database: DatabaseName = Field(
        default="viva_voce", description="Database that holds sessions, records and audio."
    )
    jwt_secret: Secret | None = Field(default=None, description="Secret of the bearer tokens; made up if not set.")
    receipt_keys: Folder | None = Field(
        default=None, description="Folder of the keys that sign deletion receipts; one is made in STATE_DIR if not set."
    )
    keyring_dir: Folder | None = Field(
        default=None, description="Folder of the epochs' keys; if not set, one in STATE_DIR for each database."
    )
    demo_page: bool = Field(default=True, description="Show the demo page at / of the local stack.")
    rtp_ports: Ports | None = Field(
        default=None, description="UDP ports at which calls are taken in as RTP; not set: none are."
    )
    mongod_test_commands: bool = Field(default=False, description="The embedded mongod takes failpoints; for tests.")
