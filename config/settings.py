"""Ports, addresses, limits and secrets of one running program, as frozen models; and their JSON Schema.

Input: plain values, merged by `config.loading`.
Output: `Settings`; each stage gets its own section.
Not responsible for: reading files and the environment, and printing secrets.
Rejects: unknown keys and values outside their range.
"""

from pathlib import Path
from typing import Annotated, Literal, Self

from pydantic import (
    BaseModel,
    ConfigDict,
    Field,
    PlainSerializer,
    SecretStr,
    field_validator,
    model_validator,
)
from pydantic_core import PydanticCustomError

from config.city_time import DEFAULT_ZONE, is_time_zone
from config.validation import is_secret_name, mask_url, models_at

_STRICT = ConfigDict(
    frozen=True, extra="forbid", use_attribute_docstrings=True, allow_inf_nan=False, hide_input_in_errors=True
)

MIN_SECRET_CHARACTERS = 16
"""Shortest secret that may sign links: 64 bits in hexadecimal; assumed."""

Port = Annotated[int, Field(ge=0, le=65535)]
Url = Annotated[str, PlainSerializer(mask_url), Field(repr=False)]
"""A URL that may carry a password: whole in memory, masked in every dump and absent from repr."""


def packaged_district() -> Path:
    """Return the folder of the demo district that ships with the program."""
    return Path(__file__).parent / "demo"


def _masked(value: object) -> object:
    if isinstance(value, dict):
        return {name: "**********" if is_secret_name(str(name)) else _masked(each) for name, each in value.items()}
    if isinstance(value, list | tuple):
        return [_masked(each) for each in value]
    return mask_url(value) if isinstance(value, str) else value


class Subscription(BaseModel):
    """Topics to read, the meaning of their words, and the decoder of their payloads."""

    model_config = _STRICT

    filter: str = Field(min_length=1)
    """MQTT topic filter to subscribe to, with QoS 1."""
    template: str = Field(min_length=1)
    """The same topic with names in braces: {domain}, {asset}, {device}, {channel}; `_` where a word means nothing."""
    decoder: str = Field(min_length=1)
    """Key in the table of decoders, docs/formats.md; or the name of one that another package brings."""
    options: dict[str, object] = Field(default_factory=dict)
    """Options of this decoder, docs/formats.md."""
    devices: tuple[str, ...] = ()
    """Devices that payloads may name where the topic has no {device}: ids with `*` and `?`, {field} of the template."""
    compression: Literal["none", "gzip", "zlib"] = "none"
    """How payloads are packed; unpacked they may have `intake.max_payload_bytes` too."""
    max_readings: int | None = Field(None, ge=1)
    """A message with more readings goes to the dead letters; absent means `intake.max_readings`."""


def default_subscriptions() -> tuple[Subscription, ...]:
    """Return the three topics that Lifeline's own devices use."""
    prefix = "lifeline/v1/{domain}/{asset}/{device}"
    return (
        Subscription(filter="lifeline/v1/+/+/+/up", template=f"{prefix}/up", decoder="lifeline_json"),
        Subscription(filter="lifeline/v1/+/+/+/status", template=f"{prefix}/status", decoder="device_status"),
        Subscription(filter="lifeline/v1/+/+/+/+/value", template=f"{prefix}/{{channel}}/value", decoder="plain_value"),
    )


class TlsSettings(BaseModel):
    """TLS towards the broker; naming the section switches it on."""

    model_config = _STRICT

    ca_file: Path | None = None
    """PEM file of the authorities that may sign the broker's certificate; absent means those of the system."""
    cert_file: Path | None = None
    """PEM file of our client certificate, for brokers that ask for one."""
    key_file: Path | None = None
    """PEM file of the client certificate's key."""

    @model_validator(mode="after")
    def _certificate_with_key(self) -> Self:
        if (self.cert_file is None) != (self.key_file is None):
            raise _wrong("cert_file and key_file together", "name both or neither")
        return self


class MqttSettings(BaseModel):
    """The broker and the one persistent session with it."""

    model_config = _STRICT

    host: str = Field("127.0.0.1", min_length=1)
    """Name or address of the broker."""
    port: Port = 1883
    """Its port; 1883 plain and 8883 with TLS are the registered ones."""
    client_id: str = Field("lifeline-intake", min_length=1, max_length=128)
    """Names the persistent session: keep it over restarts, and never run two programs with the same one."""
    username: str | None = None
    """User name at the broker; absent means anonymous."""
    password: SecretStr | None = None
    """Password at the broker."""
    password_file: Path | None = None
    """File that holds the password, instead of `password`."""
    tls: TlsSettings | None = None
    """TLS and client certificate; absent means a plain connection."""
    keepalive_s: int = Field(30, ge=5, le=65535)
    """A connection silent for 1.5 times this is dead, seconds; assumed."""
    subscriptions: tuple[Subscription, ...] = Field(default_factory=default_subscriptions, min_length=1)
    """Topics to read."""
    canary_interval_s: float = Field(5.0, gt=0)
    """Every so often the intake sends itself a message to prove that messages pass, seconds; assumed."""


class IntakeSettings(BaseModel):
    """Grouping of messages, and limits of plausible sizes and times."""

    model_config = _STRICT

    commit_messages: int = Field(500, ge=1)
    """Messages in one commit of the journal, at most."""
    commit_age_ms: float = Field(5.0, ge=0)
    """The oldest message waits this long for its commit, milliseconds, at most."""
    tick_s: float = Field(1.0, gt=0, le=5)
    """While no reading comes, the clock of the rules moves this often, seconds."""
    max_payload_bytes: int = Field(65_536, ge=64)
    """A larger payload goes to the dead letters, bytes; assumed."""
    max_readings: int = Field(1000, ge=1)
    """A message with more readings goes to the dead letters; assumed."""
    future_tolerance_s: float = Field(300.0, ge=0)
    """A device's time further ahead is replaced by the received time and flagged, seconds; assumed."""
    past_tolerance_days: float = Field(30.0, gt=0)
    """A device's time further back is replaced by the received time and flagged, days; assumed."""
    late_after_s: float = Field(900.0, gt=0)
    """An older reading is stored and not judged, seconds; a sensor with a longer stale time has that; assumed."""


class JournalSettings(BaseModel):
    """The durable log behind the intake."""

    model_config = _STRICT

    path: Path = Path("journal.db")
    """Its file, below `data_dir` unless absolute."""
    max_mb: int = Field(4096, ge=16)
    """Its largest size, MiB; when it is reached the intake stops acknowledging and the broker keeps the messages."""
    ballast_mb: int = Field(16, ge=0)
    """Space held back to be able to delete on a full disk, MiB; assumed."""
    retention_h: float = Field(72.0, gt=0)
    """Entries that every reader has read are kept this long for replay and explanation, hours; assumed."""


class HistorySettings(BaseModel):
    """The time series behind charts and dashboards."""

    model_config = _STRICT

    kind: Literal["sqlite", "influxdb"] = "sqlite"
    """sqlite is embedded, influxdb is a server."""
    path: Path = Path("history.db")
    """File of the embedded history, below `data_dir` unless absolute."""
    url: Url = ""
    """Address of the InfluxDB server, e.g. http://127.0.0.1:8086."""
    dialect: Literal["auto", "v1", "v2"] = "auto"
    """v1 writes to /write, v2 to /api/v2/write; auto asks the server which it has."""
    database: str = "lifeline"
    """Database that v1 writes to and InfluxQL reads from."""
    org: str = ""
    """Organisation of v2."""
    bucket: str = ""
    """Bucket of v2; empty means the name in `database`."""
    username: str | None = None
    """User name of v1."""
    password: SecretStr | None = None
    """Password of v1."""
    password_file: Path | None = None
    """File that holds the password, instead of `password`."""
    token: SecretStr | None = None
    """Token of v2."""
    token_file: Path | None = None
    """File that holds the token, instead of `token`."""
    retention_days: float = Field(30.0, gt=0)
    """The embedded history forgets readings older than this, days; a server has its own rule."""
    timeout_s: float = Field(10.0, gt=0)
    """The server has this long to answer, seconds; assumed."""
    batch_readings: int = Field(5000, ge=1)
    """Readings in one write, at most; InfluxData advises 5,000 lines for a batch."""

    @model_validator(mode="after")
    def _server_has_address(self) -> Self:
        if self.kind == "influxdb" and not self.url.startswith(("http://", "https://")):
            raise _wrong(
                "url with http:// or https:// when kind is influxdb", "set history.url to the server's address"
            )
        return self


class LedgerSettings(BaseModel):
    """The durable state of alerts and notifications."""

    model_config = _STRICT

    url: Url = ""
    """SQLAlchemy URL; empty means a SQLite file `ledger.db` below `data_dir`."""
    url_file: Path | None = None
    """File that holds the URL, instead of `url`, because a URL can carry a password."""
    snapshot_s: float = Field(60.0, gt=0)
    """The state of the rules is saved this often, seconds: a restart replays at most this much; assumed."""


class ChannelSettings(BaseModel):
    """One way out to people or machines."""

    model_config = _STRICT

    name: str = Field(pattern=r"^[a-z0-9_-]{1,32}$")
    """Its name in routes and metrics."""
    kind: str = Field(pattern=r"^[a-z0-9_]{1,32}$")
    """Key in the table of channels: sms or webhook."""
    options: Annotated[dict[str, object], PlainSerializer(_masked)] = Field(default_factory=dict, repr=False)
    """Options of that kind; see the channel's own section in docs/alerts.md."""


class ConsoleSettings(BaseModel):
    """The pages, the API and the metrics."""

    model_config = _STRICT

    host: str = Field("127.0.0.1", min_length=1)
    """Address to listen on."""
    port: Port = 8080
    """Port to listen on; 0 takes a free one."""
    public_url: str = Field("", pattern=r"^(https?://[^\s@?#]+)?$")
    """Address under which phones reach the console, for links in messages; empty means http://host:port."""
    secret: SecretStr | None = None
    """Signs the links in messages, at least 16 characters; absent means `data_dir`/secret, made on first start."""
    secret_file: Path | None = None
    """File that holds the secret, instead of `secret`."""

    @field_validator("secret")
    @classmethod
    def _secret_is_long(cls, secret: SecretStr | None) -> SecretStr | None:
        if secret is not None and len(secret.get_secret_value()) < MIN_SECRET_CHARACTERS:
            raise _wrong(f"at least {MIN_SECRET_CHARACTERS} characters", "make one with `openssl rand -hex 32`")
        return secret

    @model_validator(mode="after")
    def _links_lead_somewhere(self) -> Self:
        if self.host in ("0.0.0.0", "::") and not self.public_url:
            raise _wrong(f"public_url when host is {self.host}", "set console.public_url to what a phone can open")
        return self


class LogSettings(BaseModel):
    """The structured log on standard error."""

    model_config = _STRICT

    format: Literal["console", "json"] = "console"
    """console for eyes, json for machines."""
    level: Literal["debug", "info", "warning", "error"] = "info"
    """The least that is written."""


class Settings(BaseModel):
    """All settings of one program.

    Building it reads no file and no environment: `config.loading.load_settings` does, and passes plain values here.
    """

    model_config = _STRICT

    data_dir: Path = Path("data")
    """Folder of everything that the program writes."""
    district: Path = Field(default_factory=packaged_district)
    """Folder of the register, the rules and the routes; absent means the packaged demo district."""
    time_zone: str = DEFAULT_ZONE
    """IANA name of the city's time zone, for messages, pages, climatology, seasons and reports."""
    mqtt: MqttSettings = MqttSettings()
    intake: IntakeSettings = IntakeSettings()
    journal: JournalSettings = JournalSettings()
    history: HistorySettings = HistorySettings()
    ledger: LedgerSettings = LedgerSettings()
    channels: tuple[ChannelSettings, ...] = ()
    """Ways out; routes name them."""
    console: ConsoleSettings = ConsoleSettings()
    log: LogSettings = LogSettings()

    @field_validator("time_zone")
    @classmethod
    def _zone_exists(cls, name: str) -> str:
        if not is_time_zone(name):
            raise _wrong("an IANA time zone such as Asia/Shanghai", "write a name of the IANA time zone database")
        return name

    @field_validator("channels")
    @classmethod
    def _names_differ(cls, channels: tuple[ChannelSettings, ...]) -> tuple[ChannelSettings, ...]:
        names = [channel.name for channel in channels]
        twice = sorted({name for name in names if names.count(name) > 1})
        if twice:
            raise _wrong(f"each channel name once ({', '.join(twice)} repeats)", "rename one of the two")
        return channels

    @model_validator(mode="after")
    def _fill_in(self) -> Self:
        """Put relative files below `data_dir` and derive the two addresses that were left empty."""
        ledger_url = self.ledger.url or f"sqlite:///{(self.data_dir / 'ledger.db').as_posix()}"
        public_url = self.console.public_url or f"http://{self.console.host}:{self.console.port}"
        sections = {
            "journal": self.journal.model_copy(update={"path": self._below(self.journal.path)}),
            "history": self.history.model_copy(update={"path": self._below(self.history.path)}),
            "ledger": self.ledger.model_copy(update={"url": ledger_url}),
            "console": self.console.model_copy(update={"public_url": public_url.rstrip("/")}),
        }
        for name, section in sections.items():
            object.__setattr__(self, name, section)
        return self

    def _below(self, path: Path) -> Path:
        return path if path.is_relative_to(self.data_dir) else self.data_dir / path


def secret_settings() -> tuple[tuple[str, str], ...]:
    """Return (section, name) of every secret that can stand in a file, named by `<name>_file`, instead."""
    return tuple(
        (section, name)
        for section in Settings.model_fields
        for model in models_at(Settings, (section,))
        for name in model.model_fields
        if f"{name}_file" in model.model_fields
    )


def settings_schema() -> dict[str, object]:
    """Return the JSON Schema of the settings file, for editors."""
    schema = Settings.model_json_schema(mode="validation")
    schema["$schema"] = "https://json-schema.org/draft/2020-12/schema"
    return schema


def _wrong(expected: str, remedy: str) -> PydanticCustomError:
    return PydanticCustomError("lifeline", "expected {expected}", {"expected": expected, "remedy": remedy})
