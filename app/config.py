"""The settings: the one place that reads the environment.

Each field is an environment variable of the same name in capitals.
docs/configuration.md and .env.example are checked against this file.
"""

from functools import cached_property
from pathlib import Path
from typing import Literal, Self

from pydantic import Field, SecretStr, model_validator
from pydantic_settings import BaseSettings, SettingsConfigDict


class Settings(BaseSettings):
    """Everything that can be set; the descriptions are the documentation."""

    model_config = SettingsConfigDict(env_file=None, extra="ignore", frozen=True)

    mongodb_url: str = Field("mongodb://127.0.0.1:27017/?replicaSet=rs0", description="MongoDB, a replica set.")
    mongodb_database: str = Field("viva_voce", description="Database that holds sessions, records and audio.")
    redis_url: str = Field("redis://127.0.0.1:6379/0", description="Redis or Valkey: the doorbell.")

    jwt_secret: SecretStr | None = Field(None, description="Secret of HS256 bearer tokens, 32 bytes or more.")
    jwks_url: str | None = Field(None, description="JWKS address for RS256/ES256 tokens, in place of a secret.")
    jwt_audience: str | None = Field(None, description="Required `aud`, if set.")
    jwt_issuer: str | None = Field(None, description="Required `iss`, if set.")
    metrics_token: SecretStr | None = Field(
        None, description="Bearer token that may read /metrics; an admin's token may too."
    )
    cors_origins: str = Field("", description="Browser origins that may call the API, separated by commas.")
    demo_page: bool = Field(
        False,
        description="Show the demo page at / and give its visitors tokens; for a local stack, with JWT_SECRET.",
    )

    max_audio_bytes: int = Field(50 * 1024 * 1024, gt=0, description="Largest recording in bytes.")
    max_audio_seconds: float = Field(1800.0, gt=0, description="Longest recording in seconds.")
    upload_idle_seconds: float = Field(30.0, gt=0, description="An upload of which nothing arrives for so long ends.")
    upload_least_bytes_per_second: float = Field(
        512.0, ge=0, description="An upload that is slower than this over UPLOAD_IDLE_SECONDS ends."
    )

    rate_uploads: str = Field("1200/minute", description="Uploads of one user; empty: no limit.")
    rate_requests: str = Field("12000/minute", description="Requests of one user, polling included; empty: no limit.")
    rate_address: str = Field(
        "60000/minute", description="Requests of one client address (see docs/limits.md on proxies); empty: no limit."
    )
    max_uploads_per_user: int = Field(256, gt=0, description="Uploads of one user in flight in one API process.")
    max_uploads: int = Field(1200, gt=0, description="Uploads in flight in one API process.")
    max_listeners_per_user: int = Field(50, gt=0, description="Event streams of one user open in one API process.")
    max_listeners: int = Field(
        5000, gt=0, description="Event streams open in one API process; each takes a file descriptor."
    )
    max_queued_minutes: float = Field(
        6000.0, gt=0, description="Minutes of one user's recordings that may wait, estimated from their size."
    )
    max_webhooks_per_user: int = Field(10, gt=0, description="Webhooks that a user may have.")
    webhooks_allow_private: bool = Field(
        False, description="Webhooks may use plain http and private addresses; for development and tests only."
    )

    speech_engine: Literal["auto", "local", "openai"] = Field(
        "auto", description="`openai` or `local`; `auto` is `openai` where OPENAI_API_KEY is set."
    )
    speech_model: str = Field(
        "base", description="Local engine: `base` (multilingual), `tiny.en`, or a CTranslate2 model's folder."
    )
    speech_device: Literal["auto", "cpu", "cuda"] = Field(
        "auto", description="Local engine: `cpu` or `cuda`; `auto` is `cuda` where there is one."
    )
    speech_compute_type: Literal[
        "auto", "int8", "int8_float32", "int8_float16", "int8_bfloat16", "int16", "float16", "bfloat16", "float32"
    ] = Field("auto", description="Local engine: its numbers; `auto` is `int8` on cpu, `float16` on cuda.")
    speech_words: bool = Field(True, description="Local engine: also find when each word is said; some percent slower.")
    speech_threads: int = Field(0, ge=0, description="Local engine: cores that transcribe; 0 is all of them.")
    openai_api_key: SecretStr | None = Field(None, description="Key of the hosted engine and scorer.")
    openai_base_url: str | None = Field(None, description="Any server that speaks OpenAI's API.")
    openai_speech_model: str = Field("gpt-transcribe", description="Hosted speech model.")
    openai_timeout_seconds: float = Field(50.0, gt=0, description="Deadline of one hosted call; below the lease.")
    openai_concurrency: int = Field(64, gt=0, description="Hosted transcriptions in flight per worker process.")

    scorer: Literal["auto", "coverage", "openai"] = Field(
        "auto", description="`coverage` or `openai`; `auto` is `openai` where a key and SCORER_MODEL are set."
    )
    scorer_model: str | None = Field(None, description="Hosted scoring model.")

    lease_seconds: float = Field(60.0, gt=0, description="A worker that is silent for so long has lost its claim.")
    max_deliveries: int = Field(5, gt=0, description="How often a part may be claimed before it fails.")
    sweep_seconds: float = Field(5.0, gt=0, description="How often the sweep runs.")
    failed_audio_hours: float = Field(
        24.0,
        ge=0,
        description="How long the audio of an answer that failed for want of an engine or by hand is kept for a retry.",
    )
    worker_silent_seconds: float = Field(
        60.0, gt=0, description="A worker that can give no sign of life for so long ends, to be started anew."
    )
    drain_seconds: float = Field(3.0, ge=0, description="How long a stopping worker lets its work finish.")

    log_level: Literal["debug", "info", "warning", "error"] = Field("info", description="Least level that is logged.")
    log_format: Literal["json", "console"] = Field("json", description="How log lines look.")
    cache_dir: Path = Field(Path(".cache"), description="Where a model that comes in pieces is joined.")

    @model_validator(mode="after")
    def _deadline_below_lease(self) -> Self:
        if self.openai_timeout_seconds >= self.lease_seconds:
            raise ValueError("OPENAI_TIMEOUT_SECONDS must be below LEASE_SECONDS; lower the one or raise the other")
        return self

    @cached_property
    def uses_hosted_scorer(self) -> bool:
        has_both = bool(self.openai_api_key) and bool(self.scorer_model)
        return self.scorer == "openai" or (self.scorer == "auto" and has_both)


class StackSettings(BaseSettings):
    """What the local stack reads; an address that is set takes the place of an embedded server."""

    model_config = SettingsConfigDict(env_file=None, extra="ignore", frozen=True, env_ignore_empty=True)

    port: int = Field(default=8000, gt=0, lt=65536, description="Port of the API on loopback.")
    state_dir: Path = Field(default=Path(".local"), description="Everything the stack writes is in this folder.")
    mongodb_url: str | None = Field(default=None, description="A replica set to use in place of the embedded one.")
    redis_url: str | None = Field(default=None, description="A Redis or Valkey to use in place of the embedded one.")
    mongodb_database: str = Field(default="viva_voce", description="Database that holds sessions, records and audio.")
    jwt_secret: SecretStr | None = Field(default=None, description="Secret of the bearer tokens; made up if not set.")
    demo_page: bool = Field(default=True, description="Show the demo page at / of the local stack.")
    mongod_test_commands: bool = Field(default=False, description="The embedded mongod takes failpoints; for tests.")
