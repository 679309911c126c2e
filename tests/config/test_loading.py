import json
import shutil
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from config.errors import ConfigError
from config.loading import load_quantities, load_register, load_settings
from config.register_rows import TABLES
from config.settings import Settings, packaged_district

SECRET = "correct-horse-battery"


def _messages(path: Path | None, environ: dict[str, str]) -> list[str]:
    with pytest.raises(ConfigError) as caught:
        load_settings(path, environ)
    return [str(problem) for problem in caught.value.problems]


def _file(tmp_path: Path, text: str) -> Path:
    path = tmp_path / "lifeline.yaml"
    path.write_text(text, encoding="utf-8")
    return path


def test_settings_without_file_and_environment_are_the_defaults() -> None:
    """No file and no variable give what the models say."""
    assert Settings() == load_settings(None, {})


def test_settings_environment_wins_over_the_file_setting_by_setting(tmp_path: Path) -> None:
    """A variable replaces one setting and leaves its neighbours to the file."""
    path = _file(tmp_path, "mqtt: {host: broker, port: 1884}\nlog: {level: debug}\n")

    loaded = load_settings(path, {"LIFELINE_MQTT__PORT": "8883", "LIFELINE_LOG__FORMAT": "json", "HOME": "/"})

    assert ("broker", 8883, "debug", "json") == (
        loaded.mqtt.host,
        loaded.mqtt.port,
        loaded.log.level,
        loaded.log.format,
    )


def test_settings_lists_and_sections_come_from_json_and_nested_variables() -> None:
    """A list is written as JSON, an optional section by the names inside it, and text stays text."""
    loaded = load_settings(
        None,
        {
            "LIFELINE_CHANNELS": '[{"name": "sms", "kind": "sms", "options": {"url": "http://gateway"}}]',
            "LIFELINE_MQTT__TLS__CA_FILE": "/etc/ca.pem",
            "LIFELINE_MQTT__USERNAME": "123",
        },
    )

    assert {"url": "http://gateway"} == loaded.channels[0].options
    assert loaded.mqtt.tls is not None
    assert (Path("/etc/ca.pem"), "123") == (loaded.mqtt.tls.ca_file, loaded.mqtt.username)


def test_settings_empty_section_and_empty_variable_mean_the_defaults(tmp_path: Path) -> None:
    """A section whose lines are all commented out, and a variable without text, change nothing."""
    assert Settings() == load_settings(_file(tmp_path, "mqtt:\n  # port: 1\n"), {"LIFELINE_MQTT__HOST": ""})


@pytest.mark.parametrize(
    ("text", "messages"),
    [
        ("- 1\n", ["(document): expected a mapping, got something else; write `name: value` lines"]),
        (
            "mqtt:\n  prot: 1\n",
            ["mqtt.prot: expected one of canary_interval_s, client_id, host, "],
        ),
        ("mqtt:\n  port: many\n", ["mqtt.port: expected a whole number, got 'many'; correct port"]),
        ("mqtt:\n  port: 70000\n", ["mqtt.port: expected less than or equal to 65535, got 70000; correct port"]),
        ("mqtt: 5\n", ["mqtt: expected a mapping, got 5; correct mqtt"]),
        (
            "mqtt:\n  subscriptions:\n  - filter: a\n    template: a\n",
            ["mqtt.subscriptions[0].decoder: expected a value, got nothing; add the key decoder"],
        ),
        (
            "mqtt:\n  tls: {cert_file: a.pem}\n",
            ["mqtt.tls: expected cert_file and key_file together, got a mapping; name both or neither"],
        ),
        (
            "history:\n  kind: influxdb\n",
            ["history: expected url with http:// or https:// when kind is influxdb, got a mapping; set history.url"],
        ),
        (
            "console:\n  host: 0.0.0.0\n",
            ["console: expected public_url when host is 0.0.0.0, got a mapping; set console.public_url to "],
        ),
        (
            "channels:\n- {name: a, kind: sms}\n- {name: a, kind: webhook}\n",
            ["channels: expected each channel name once (a repeats), got a list; rename one of the two"],
        ),
        (
            "log: {level: loud}\nmqtt: {keepalive_s: .nan}\n",
            ["mqtt.keepalive_s: expected a finite number, got nan; correct", "log.level: expected 'debug', 'info', "],
        ),
    ],
)
def test_settings_wrong_file_says_where_and_what_to_do(tmp_path: Path, text: str, messages: list[str]) -> None:
    """Each fault of the file names file, line, place, expected, got and remedy."""
    path = _file(tmp_path, text)

    found = _messages(path, {})

    assert len(messages) == len(found)
    for message, problem in zip(messages, found, strict=True):
        assert problem.split(" ", 1)[1].startswith(message)
        assert problem.startswith(f"{path}:")


def test_settings_problem_line_is_that_of_the_key(tmp_path: Path) -> None:
    """The line of a wrong value is where its key stands."""
    path = _file(tmp_path, "log:\n  format: json\n\n  level: loud\n")

    assert _messages(path, {})[0].startswith(f"{path}:4 log.level: ")


@pytest.mark.parametrize(
    ("environ", "message"),
    [
        ({"LIFELINE_MQTT__PORT": "x"}, "LIFELINE_MQTT__PORT:0 mqtt.port: expected a whole number, got 'x'; "),
        (
            {"LIFELINE_MQTT__PRT": "1"},
            "LIFELINE_MQTT__PRT:0 mqtt.prt: expected the name of a setting, got the unknown name prt; did you mean LIF",
        ),
        ({"LIFELINE_XYZZY": "1"}, "LIFELINE_XYZZY:0 xyzzy: expected the name of a setting, got the unknown name xyzzy"),
        ({"LIFELINE_CHANNELS": "[{"}, "LIFELINE_CHANNELS:0 channels: expected JSON, got something else; write a JSON"),
        (
            {"LIFELINE_CHANNELS": '[{"name": "A B", "kind": "sms"}]'},
            "LIFELINE_CHANNELS:0 channels[0].name: expected text that matches ^[a-z0-9_-]{1,32}$, got",
        ),
        ({"LIFELINE_MQTT__TLS__KEY_FILE": "/k"}, "LIFELINE_MQTT__TLS__KEY_FILE:0 mqtt.tls: expected cert_file and "),
        (
            {"LIFELINE_MQTT__PASSWORD_FILE": "/nowhere"},
            "LIFELINE_MQTT__PASSWORD_FILE:0 mqtt.password_file: expected a readable file, got /nowhere: No such file",
        ),
    ],
)
def test_settings_wrong_variable_is_named_in_the_place_of_the_file(environ: dict[str, str], message: str) -> None:
    """A fault of the environment names the variable."""
    assert _messages(None, environ)[0].startswith(message)


def test_settings_all_faults_of_file_environment_and_secrets_are_reported_at_once(tmp_path: Path) -> None:
    """One start shows everything that is to be corrected."""
    path = _file(tmp_path, "mqtt: {prot: 1, password_file: /nowhere}\nlog: {level: loud}\n")

    places = [message.split(": ")[0].split(" ")[1] for message in _messages(path, {"LIFELINE_CONSOLE__PROT": "x"})]

    assert ["console.prot", "mqtt.password_file", "mqtt.prot", "log.level"] == places


def test_settings_secret_file_gives_the_secret_without_its_line_break(tmp_path: Path) -> None:
    """The content of the file is the secret; only the line break at its end is not."""
    (tmp_path / "password").write_text(f" {SECRET} \r\n", encoding="utf-8")

    loaded = load_settings(None, {"LIFELINE_MQTT__PASSWORD_FILE": str(tmp_path / "password")})

    assert loaded.mqtt.password is not None
    assert f" {SECRET} " == loaded.mqtt.password.get_secret_value()


@pytest.mark.parametrize(
    ("content", "environ", "message"),
    [
        ("\n", {}, "history.token_file: expected a secret in the file, got an empty file; write the secret into "),
        (
            SECRET,
            {"LIFELINE_HISTORY__TOKEN": "b"},
            "history.token_file: expected token or token_file, got both; ",
        ),
    ],
)
def test_settings_unusable_secret_file_is_a_problem(
    tmp_path: Path, content: str, environ: dict[str, str], message: str
) -> None:
    """An empty secret file, and a secret given twice, are refused."""
    (tmp_path / "token").write_text(content, encoding="utf-8")

    found = _messages(None, {"LIFELINE_HISTORY__TOKEN_FILE": str(tmp_path / "token"), **environ})

    assert message in found[0]


@pytest.mark.parametrize(
    "environ",
    [
        {"LIFELINE_CONSOLE__SECRET": SECRET[:9]},
        {"LIFELINE_MQTT__PASSWORD": SECRET, "LIFELINE_MQTT__PORT": "x"},
        {"LIFELINE_CHANNELS": f'[{{"name": "a b", "kind": "sms", "options": {{"password": "{SECRET}"}}}}]'},
        {"LIFELINE_LEDGER__URL": f"postgresql://u:{SECRET}@db/x", "LIFELINE_LEDGER__SNAPSHOT_S": "0"},
        {"LIFELINE_HISTORY__URL": f"ftp://u:{SECRET}@db", "LIFELINE_HISTORY__KIND": "influxdb"},
        {"LIFELINE_MQTT": SECRET},
    ],
)
def test_settings_secret_never_appears_in_an_error(environ: dict[str, str]) -> None:
    """Whatever is wrong around a secret, the message does not show it."""
    assert SECRET[:9] not in "\n".join(_messages(None, environ))


VARIABLES = st.sampled_from(
    ["MQTT", "MQTT__PORT", "MQTT__TLS", "MQTT__TLS__CA_FILE", "MQTT__SUBSCRIPTIONS", "CHANNELS", "LOG__LEVEL", "", "_"]
)
TEXTS = st.text(alphabet=st.characters(blacklist_characters="\x00"), max_size=30) | st.sampled_from(
    ["{}", "[]", "[{}]", "null", '{"host": 1}', '[{"name": "a", "kind": "b", "options": 1}]', "1", "1e999"]
)


@given(st.dictionaries(VARIABLES.map("LIFELINE_{}".format), TEXTS))
def test_settings_random_environment_raises_nothing_but_config_errors(environ: dict[str, str]) -> None:
    """No variable crashes the loader."""
    try:
        outcome: object = load_settings(None, environ)
    except ConfigError as error:
        outcome = error

    assert isinstance(outcome, Settings | ConfigError)


@pytest.fixture(scope="module")
def settings_file(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A file that the examples overwrite."""
    return tmp_path_factory.mktemp("settings") / "lifeline.yaml"


PLAIN = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=5),
    lambda inner: st.lists(inner, max_size=2) | st.dictionaries(st.text(max_size=5), inner, max_size=2),
    max_leaves=5,
)


@given(st.dictionaries(st.sampled_from(list(Settings.model_fields)), PLAIN, max_size=4))
def test_settings_random_values_raise_nothing_but_config_errors(settings_file: Path, values: dict[str, object]) -> None:
    """No value in the file crashes the loader."""
    settings_file.write_text(json.dumps(values), encoding="utf-8")
    try:
        outcome: object = load_settings(settings_file, {"LIFELINE_MQTT__HOST": "broker"})
    except ConfigError as error:
        outcome = error

    assert isinstance(outcome, Settings | ConfigError)


def _district(tmp_path: Path) -> Path:
    folder = tmp_path / "district"
    shutil.copytree(packaged_district(), folder)
    return folder


def test_register_folder_of_a_spreadsheet_program_is_read(tmp_path: Path) -> None:
    """A byte order mark and Windows line ends make no difference."""
    folder = _district(tmp_path)
    for name in TABLES:
        path = folder / f"{name}.csv"
        text = path.read_text(encoding="utf-8")
        path.write_bytes(text.replace("\n", "\r\n").encode("utf-8-sig"))

    quantities = load_quantities()

    assert load_register(packaged_district(), quantities) == load_register(folder, quantities)


def test_register_missing_and_misencoded_files_are_reported_together(tmp_path: Path) -> None:
    """Files that cannot be read do not hide each other, and are not blamed on the rows of others."""
    folder = _district(tmp_path)
    (folder / "regions.csv").unlink()
    (folder / "contacts.csv").write_bytes(b"id,name_zh\n" + "渡".encode("gbk"))

    with pytest.raises(ConfigError) as caught:
        load_register(folder, load_quantities())

    assert [
        (f"{folder}/regions.csv", 0, "a readable file"),
        (f"{folder}/contacts.csv", 2, "UTF-8"),
    ] == [(problem.file, problem.line, problem.expected) for problem in caught.value.problems]


@pytest.fixture(scope="module")
def garbage_district(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """One copy of the demo district whose files the examples overwrite."""
    return _district(tmp_path_factory.mktemp("garbage"))


QUANTITIES = load_quantities()


@given(name=st.sampled_from(list(TABLES)), content=st.binary(max_size=200))
def test_register_random_bytes_raise_nothing_but_config_errors(
    garbage_district: Path, name: str, content: bytes
) -> None:
    """No bytes in a file crash the loader."""
    good = {table: (packaged_district() / f"{table}.csv").read_bytes() for table in TABLES}
    for table, original in good.items():
        (garbage_district / f"{table}.csv").write_bytes(content if table == name else original)

    with pytest.raises(ConfigError) as caught:
        load_register(garbage_district, QUANTITIES)

    assert caught.value.problems
