"""I/O: `lifeline quarantine`: list unknown devices, register one, publish its messages again.

Input: arguments.
Output: text, rows in the district, publications.
Not responsible for: the reload of the running program; its operator sends SIGHUP.
Rejects: a device without messages, and `--quantity` without a channel.
"""

from collections.abc import Callable
from pathlib import Path
from typing import Annotated

import typer

from collector.dead_letter import DeadLetter, DeadLetterReason
from collector.journal.reader import JournalReader
from collector.quarantine import UnknownDevice
from config.files import read_text
from config.loading import load_settings
from lifeline.configuration import Configuration, load_configuration
from lifeline.district.republishing import BrokerAccount, describe_result, republish
from lifeline.district.unknown_devices import (
    MAX_LETTERS,
    describe_stranger,
    read_quarantine,
    register_device,
    select_letters,
)
from lifeline.start_error import StartError

CommandWrapper = Callable[[Callable[..., None]], Callable[..., None]]

ConfigPath = Annotated[Path | None, typer.Option("--config", "-c", help="Settings file; LIFELINE_* overrides it.")]
Username = Annotated[
    str | None, typer.Option(help="Account at the broker that may write there; default: the collector's own.")
]
PasswordFile = Annotated[Path | None, typer.Option("--password-file", help="File with that account's password.")]
Device = Annotated[str, typer.Argument(help="Device id, as listed.")]


def make_quarantine_commands(for_people: CommandWrapper) -> typer.Typer:
    """Return the commands, each wrapped so that errors of a person are shown without a traceback."""
    line = typer.Typer(invoke_without_command=True, add_completion=False, pretty_exceptions_enable=False)
    line.callback()(for_people(list_devices))
    line.command("register")(for_people(register_unknown))
    line.command("replay")(for_people(republish_device))
    return line


def make_account(username: str | None, password_file: Path | None) -> BrokerAccount:
    """Return the account that arguments name."""
    return BrokerAccount(username, read_text(password_file).strip() if password_file else None)


def list_devices(context: typer.Context, config: ConfigPath = None) -> None:
    """List the unknown devices with their messages, and the rows that would register each."""
    if context.invoked_subcommand is not None:
        return
    configuration = load_configuration(load_settings(config))
    quarantine = read_quarantine(configuration, _read_letters(configuration))
    for stranger in quarantine.unknown_devices.values():
        has_asset = stranger.asset in configuration.register.assets
        for text in describe_stranger(stranger, configuration.quantities, has_asset=has_asset):
            typer.echo(text)
    typer.echo(f"{len(quarantine.unknown_devices)} devices; {quarantine.left_out} messages of others are not listed")


def register_unknown(
    device: Device,
    asset: Annotated[str, typer.Option(help="Where it stands: an id of assets.csv.")],
    config: ConfigPath = None,
    *,
    quantity: Annotated[
        list[str] | None, typer.Option(help="CHANNEL=QUANTITY or CHANNEL=QUANTITY:UNIT; CHANNEL= leaves it out.")
    ] = None,
) -> None:
    """Write the device's sensors into the district, all or nothing; then send SIGHUP, then replay."""
    configuration = load_configuration(load_settings(config))
    found = read_quarantine(configuration, _read_letters(configuration)).unknown_devices.get(device)
    chosen = dict(_parse_pair(text) for text in quantity or ())
    stranger = found or UnknownDevice(device, asset, _find_domain(configuration, asset), "", "", is_registered=False)
    changes, outside = register_device(configuration, stranger, asset, chosen)
    for text in changes:
        typer.echo(text)
    if outside:
        typer.echo(
            f"left outside, without a quantity: {', '.join(outside)}; name each with --quantity CHANNEL=QUANTITY"
        )
    typer.echo("load it: kill -HUP <pid of lifeline run>, or systemctl reload lifeline")
    if stranger.messages:
        typer.echo(f"then the {stranger.messages - stranger.cut} kept messages: lifeline quarantine replay {device}")


def republish_device(
    device: Device, config: ConfigPath = None, *, username: Username = None, password_file: PasswordFile = None
) -> None:
    """Publish the kept messages of a device again, oldest first; those that were cut stay behind."""
    configuration = load_configuration(load_settings(config))
    letters = select_letters(configuration, _read_letters(configuration), device)
    if not letters:
        raise StartError(f"device {device}: expected messages in quarantine, got none; see lifeline quarantine")
    result = republish(letters, configuration.settings.mqtt, make_account(username, password_file))
    typer.echo(describe_result(result))
    raise typer.Exit(1 if result.refused else 0)


def _read_letters(configuration: Configuration) -> list[DeadLetter]:
    path = configuration.settings.journal.path
    if not path.is_file():
        raise StartError(f"journal {path}: expected a file, got none; name the settings file of the running program")
    reader = JournalReader(path, configuration.register.sensor_ids)
    try:
        return reader.dead_letters(MAX_LETTERS, DeadLetterReason.UNKNOWN_SENSOR)
    finally:
        reader.close()


def _find_domain(configuration: Configuration, asset: str) -> str:
    known = configuration.register.assets.get(asset)
    return known.domain if known else ""


def _parse_pair(text: str) -> tuple[str, str]:
    channel, equals, quantity = text.partition("=")
    if not equals or not channel:
        raise StartError(f"--quantity {text!r}: expected CHANNEL=QUANTITY, got no = behind a channel")
    return channel, quantity
