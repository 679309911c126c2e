import json
from pathlib import Path

import pytest
from pydantic import SecretStr, ValidationError

from config.document import parse_yaml
from config.loading import load_settings
from config.settings import (
    ChannelSettings,
    ConsoleSettings,
    HistorySettings,
    LedgerSettings,
    MqttSettings,
    Settings,
    settings_schema,
)

ROOT = Path(__file__).parents[2] / "config"
SECRET = "correct-horse-battery"


@pytest.fixture
def secretive() -> Settings:
    """Settings with every secret that there is."""
    options = {
        "url": f"http://u:{SECRET}@gw/?token={SECRET}",
        "password": SECRET,
        "headers": [{"Authorization": SECRET}],
    }
    return Settings(
        mqtt=MqttSettings(password=SecretStr(SECRET)),
        history=HistorySettings(
            password=SecretStr(SECRET), token=SecretStr(SECRET), url=f"http://u:{SECRET}@127.0.0.1:8086"
        ),
        ledger=LedgerSettings(url=f"postgresql+psycopg://u:{SECRET}@db/lifeline"),
        channels=(ChannelSettings(name="sms", kind="sms", options=options),),
        console=ConsoleSettings(secret=SecretStr(SECRET)),
    )


def test_settings_secrets_are_absent_from_every_text(secretive: Settings) -> None:
    """Neither repr, str, dump nor JSON shows a secret."""
    texts = [repr(secretive), str(secretive), secretive.model_dump_json(), repr(secretive.model_dump())]
    texts += [f"{section}" for section in (secretive.mqtt, secretive.ledger, secretive.history, *secretive.channels)]

    assert not [text for text in texts if SECRET in text]


def test_settings_secrets_are_whole_for_the_code_that_needs_them(secretive: Settings) -> None:
    """Masking is for eyes only: URL and options keep their secrets inside the program."""
    assert f"postgresql+psycopg://u:{SECRET}@db/lifeline" == secretive.ledger.url
    assert SECRET == secretive.channels[0].options["password"]


def test_settings_files_without_folder_are_below_the_folder_of_writing() -> None:
    """Journal, history and ledger follow data_dir, and an absolute path is left alone."""
    settings = Settings.model_validate({"data_dir": "/srv/lifeline", "history": {"path": "/fast/history.db"}})

    assert (
        Path("/srv/lifeline/journal.db"),
        Path("/fast/history.db"),
        "sqlite:////srv/lifeline/ledger.db",
    ) == (settings.journal.path, settings.history.path, settings.ledger.url)


def test_settings_dumped_and_read_again_are_the_same() -> None:
    """Derived places are not derived twice."""
    settings = Settings.model_validate({"data_dir": "elsewhere"})

    assert settings == Settings.model_validate(settings.model_dump())


@pytest.mark.parametrize(
    ("section", "url"),
    [
        ({}, "http://127.0.0.1:8080"),
        ({"port": 9000}, "http://127.0.0.1:9000"),
        ({"host": "0.0.0.0", "public_url": "https://warn.example/"}, "https://warn.example"),
    ],
)
def test_settings_public_url_is_derived_from_the_address_to_listen_on(section: dict[str, object], url: str) -> None:
    """An empty public URL is that of host and port, and none ends with a slash."""
    assert url == Settings.model_validate({"console": section}).console.public_url


@pytest.mark.parametrize("name", ["Chongqing", "", "UTC+8", "../etc/localtime"])
def test_settings_unknown_time_zone_is_refused(name: str) -> None:
    """A name that the time zone database does not have is an error at the start, not at the first message."""
    with pytest.raises(ValidationError, match="an IANA time zone such as Asia/Shanghai"):
        Settings(time_zone=name)


def test_settings_cannot_be_changed() -> None:
    """Settings are values."""
    with pytest.raises(ValidationError, match="frozen"):
        Settings().mqtt.port = 1


def test_settings_do_not_read_the_environment_by_themselves(monkeypatch: pytest.MonkeyPatch) -> None:
    """Building settings depends on the arguments only."""
    monkeypatch.setenv("LIFELINE_MQTT__PORT", "7")

    assert 1883 == Settings().mqtt.port


def test_settings_schema_file_is_up_to_date() -> None:
    """The committed schema is what `settings_schema` returns; write it again after changing a setting."""
    assert settings_schema() == json.loads((ROOT / "lifeline.schema.json").read_text(encoding="utf-8"))


def test_settings_schema_describes_every_setting() -> None:
    """Each property has a description, which an editor shows."""
    schema = settings_schema()
    models = [schema, *schema["$defs"].values()]

    missing = [
        (model["title"], name)
        for model in models
        for name, entry in model["properties"].items()
        if "description" not in entry and "$ref" not in entry
    ]

    assert [] == missing


def test_settings_example_as_it_stands_gives_the_defaults() -> None:
    """The example changes nothing until a # is removed."""
    assert Settings() == load_settings(ROOT / "lifeline.example.yaml", {})


def test_settings_example_with_every_setting_uncommented_gives_the_defaults() -> None:
    """Each default written in the example is the real one, and none is missing."""
    lines = []
    for line in (ROOT / "lifeline.example.yaml").read_text(encoding="utf-8").splitlines():
        indent, mark, rest = line.partition("# ")
        name = rest.strip().removeprefix("- ").split(":")[0]
        is_setting = mark and name in _names() and not rest.startswith("  #")
        lines.append(indent + rest if is_setting else line)
    value = parse_yaml("\n".join(lines), "example").value
    assert isinstance(value, dict)

    del value["channels"], value["district"]
    assert {"ca_file": None, "cert_file": None, "key_file": None} == value["mqtt"].pop("tls")

    assert Settings() == Settings.model_validate(value)
    assert set(Settings.model_fields) - {"channels", "district"} == set(value)
    for section in ("intake", "journal", "history", "ledger", "console", "log"):
        assert set(type(getattr(Settings(), section)).model_fields) == set(value[section])
    assert set(MqttSettings.model_fields) - {"tls"} == set(value["mqtt"])


def _names() -> set[str]:
    schema = settings_schema()
    return {name for model in [schema, *schema["$defs"].values()] for name in model["properties"]}
