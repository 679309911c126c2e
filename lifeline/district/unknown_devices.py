"""I/O: unknown devices in the dead letters of the journal, and their rows for a district.

Input: dead letters, a device, an asset, quantities.
Output: unknown devices as text; files of the district, replaced together after the check of the whole.
Not responsible for: a channel without a quantity; it stays outside.
Rejects: the packaged district, and a device without any quantity.
"""

import shlex
import tempfile
from collections.abc import Mapping, Sequence
from pathlib import Path

from rich.progress import Progress

from collector.dead_letter import DeadLetter
from collector.decoding.entry_points import load_decoders
from collector.quarantine import Quarantine, UnknownDevice, guess_quantity, sensor_rows
from config.merging import columns_of, csv_text, differences
from config.quantities import Quantity
from config.register_rows import TABLES
from config.settings import packaged_district
from config.tables import Row
from lifeline.configuration import Configuration
from lifeline.district.importing import import_into
from lifeline.reports.dead_letter_lines import escape_control_characters
from lifeline.start_error import StartError

PAGE_LETTERS = 5_000
"""Letters looked at for a page, the newest; assumed: some 50 ms."""
MAX_LETTERS = 100_000
"""Letters looked at on the command line: all that a journal keeps."""


def read_quarantine(configuration: Configuration, letters: Sequence[DeadLetter]) -> Quarantine:
    """Return the strangers of the dead letters, which are given newest first."""
    subscriptions = configuration.settings.mqtt.subscriptions
    decoders = load_decoders(subscription.decoder for subscription in subscriptions)
    return Quarantine(configuration.register, subscriptions, decoders).take(letters)


def describe_stranger(stranger: UnknownDevice, quantities: Mapping[str, Quantity], *, has_asset: bool) -> list[str]:
    """Return the facts about one unknown device, with the rows that register it and the command that does."""
    what = "channels of a device in the register" if stranger.is_registered else "device"
    cut = f", {stranger.cut} cut" if stranger.cut else ""
    lines = [f"{what} {stranger.device}: {stranger.messages} messages{cut} in {stranger.decoder} on {stranger.topic}"]
    for channel, value in stranger.channels.items():
        quantity, unit = guess_quantity(channel, stranger.domain, quantities)
        lines.append(f"  {channel} = {value:g}  {f'{quantity} in {unit}?' if quantity else 'which quantity?'}")
    if stranger.more_channels:
        lines.append(f"  and {stranger.more_channels} more channels")
    asset = stranger.asset or "ASSET"
    if stranger.asset and not has_asset:
        place = {"id": stranger.asset, "domain": stranger.domain}
        lines += ["  assets.csv, to be filled in and imported first:", f"    {','.join(TABLES['assets'])}"]
        lines.append("    " + ",".join(place.get(column, "?") for column in TABLES["assets"]))
    rows = sensor_rows(stranger, asset, quantities, {})
    if rows:
        lines.append("  sensors.csv:")
        lines += [f"    {line}" for line in format_sensor_rows(rows).splitlines()]
    lines.append(f"  {registration_command(stranger, quantities)}")
    return [escape_control_characters(line) for line in lines]


def registration_command(stranger: UnknownDevice, quantities: Mapping[str, Quantity]) -> str:
    """Return the command that registers an unknown device; unknown quantities are left to fill in.

    An unknown device chooses its own name. A person may paste the command into a shell: every word is quoted.
    """
    wanted = [each for each in stranger.channels if not guess_quantity(each, stranger.domain, quantities)[0]]
    words = ["lifeline", "quarantine", "register", f"--asset={stranger.asset or 'ASSET'}"]
    words += [f"--quantity={channel}=QUANTITY:UNIT" for channel in wanted]
    return shlex.join(escape_control_characters(word) for word in [*words, "--", stranger.device])


def format_sensor_rows(rows: Sequence[Mapping[str, str]]) -> str:
    """Return rows of `sensors.csv` as text with its head."""
    blank = dict.fromkeys(columns_of("sensors"), "")
    return csv_text("sensors", [Row("", 0, {**blank, **row}) for row in rows])


def register_device(
    configuration: Configuration, stranger: UnknownDevice, asset: str, chosen: Mapping[str, str]
) -> tuple[list[str], list[str]]:
    """Write the rows of the device into the district; returns the changes, and the channels left outside.

    Raises:
        ConfigError: the problems of the changed district; nothing was written.
        StartError: there is nothing to write, or the district is the packaged one.
    """
    folder = configuration.settings.district
    if folder.resolve() == packaged_district().resolve():
        raise StartError(
            f"district {folder}: expected one of your own, got the packaged one; copy it and set `district`"
        )
    rows = sensor_rows(stranger, asset, configuration.quantities, chosen)
    if not rows:
        remedy = f"name at least one: --quantity CHANNEL=QUANTITY, channels seen: {', '.join(stranger.channels)}"
        raise StartError(
            escape_control_characters(
                f"device {stranger.device}: expected a quantity for a channel, got none; {remedy}"
            )
        )
    with tempfile.TemporaryDirectory() as folder_of_rows:
        source = Path(folder_of_rows) / "sensors.csv"
        source.write_text(format_sensor_rows(rows), encoding="utf-8")
        imported = import_into(folder, [source], Progress(disable=True), dry_run=False)
    written = {row["channel"] for row in rows}
    return differences(imported.merges), [channel for channel in stranger.channels if channel not in written]


def select_letters(configuration: Configuration, letters: Sequence[DeadLetter], device: str) -> list[DeadLetter]:
    """Return the letters of unknown sensors that are of `device`, by topic or by a name in the payload."""
    quarantine = read_quarantine(configuration, [])
    return [letter for letter in letters if device in quarantine.readings_of(letter)]
