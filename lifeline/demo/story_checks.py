"""I/O: the claims about the story, each with its figure, from the ledger, the history and the SMS inbox.

Input: a world after the story.
Output: `StoryCheck`s.
Not responsible for: playing the story.
Rejects: nothing.
"""

from collections.abc import Iterable, Iterator
from dataclasses import dataclass

import numpy as np

from alerts.alert import Alert
from alerts.notification import BEGINNINGS, Delivery, NotificationKind
from alerts.outbox.delivery_reports import ReceiptCode
from collector.journal.reader import JournalReader
from config.levels import WarningLevel
from config.register import Contact, Role
from lifeline.demo.world import DemoWorld
from lifeline.reports.replay import compare_with_ledger
from rules.events import Dimension
from simulators.scenarios import Scenario
from simulators.sms import Sms

SPREAD_S = 2.0
"""The three messages reach the gateway within this of each other."""
DELAY_S = 5.0
"""They reach it within this after the on-delay's end."""
_ROLES = (Role.RESPONSIBLE, Role.MANAGER, Role.MAINTENANCE)


@dataclass(frozen=True, slots=True)
class StoryCheck:
    """One claim about the story."""

    claim: str
    is_met: bool
    figure: str


class StoryEvidence:
    """The two scenarios and everything stored about their assets."""

    def __init__(self, world: DemoWorld, hazard: Scenario, fault: Scenario) -> None:
        """Look at `world` after `hazard` and `fault` were played there."""
        self.world, self.hazard, self.fault = world, hazard, fault

    def list_checks(self) -> list[StoryCheck]:
        """Return every claim with its figure."""
        alert = self.find_alert(self.hazard.span.asset, Dimension.HAZARD)
        if alert is None:
            return [
                StoryCheck("zero pressure raises an alert", is_met=False, figure="no alert"),
                *self._check_fault(),
                self._check_replay(),
            ]
        deliveries = self.world.app.stores.ledger.outbox.read_deliveries(alert.id)
        return [
            *self._check_hazard(alert, deliveries),
            *self._check_fault(),
            self._check_replay(),
            self._check_letters(),
        ]

    def find_alert(self, asset: str, dimension: Dimension) -> Alert | None:
        """Return the newest alert of `asset` in `dimension`."""
        alerts = self.world.app.stores.ledger.alerts.read_recent(10, asset)
        return next((alert for alert in alerts if alert.dimension is dimension), None)

    def list_hazard_sms(self, deliveries: Iterable[Delivery]) -> list[Sms]:
        """Return the messages of the inbox that are hazard notifications of `deliveries`."""
        texts = {each.notification.text for each in deliveries if each.notification.kind in BEGINNINGS}
        return [message for message in self.world.gateway.inbox() if message.text in texts]

    def _check_hazard(self, alert: Alert, deliveries: list[Delivery]) -> Iterator[StoryCheck]:
        peak = WarningLevel(alert.peak)
        yield StoryCheck("orange exactly, never red", peak is WarningLevel.ORANGE, f"{peak.key} {peak.zh}")
        messages = self.list_hazard_sms(deliveries)
        expected = {contact.phone for role in _ROLES for contact in self._find_contacts(alert.asset, role)}
        reached = sorted(message.to for message in messages)
        yield StoryCheck("one SMS to each of the three roles", reached == sorted(expected), f"{len(reached)} SMS")
        yield self._check_spread(messages)
        yield self._check_delay(messages)
        hazard = [each for each in deliveries if each.notification.kind in BEGINNINGS]
        receipts = sum(any(code == ReceiptCode.DELIVERED for code, _ in each.receipts) for each in hazard)
        yield StoryCheck("delivery receipts stored", receipts == len(hazard) == 3, f"{receipts} of {len(hazard)}")
        by = alert.acknowledged_by or "nobody"
        yield StoryCheck("acknowledged by link", alert.acknowledged_ns is not None and by != "nobody", by)
        over = {each.notification.contact for each in deliveries if each.notification.kind is NotificationKind.CLEARED}
        told = {each.notification.contact for each in hazard}
        yield StoryCheck("return to normal sent to the same three", over == told and len(over) == 3, f"{len(over)} SMS")

    def _find_contacts(self, asset: str, role: Role) -> tuple[Contact, ...]:
        return self.world.configuration.register.contacts_for(asset, role)

    def _check_spread(self, messages: list[Sms]) -> StoryCheck:
        times = [message.received_ns for message in messages]
        spread_s = (max(times) - min(times)) / 1e9 if times else float("inf")
        return StoryCheck(f"handed over within {SPREAD_S:g} s of each other", spread_s <= SPREAD_S, f"{spread_s:.3f} s")

    def _check_delay(self, messages: list[Sms]) -> StoryCheck:
        end_ns = self._find_on_delay_end_ns()
        last_ns = max((message.received_ns for message in messages), default=None)
        late_s = (last_ns - end_ns) / 1e9 if last_ns and end_ns else float("inf")
        return StoryCheck(f"within {DELAY_S:g} s after the on-delay's end", late_s <= DELAY_S, f"{late_s:.3f} s")

    def _find_on_delay_end_ns(self) -> int | None:
        """Return when the first reading at or below the limit had lasted for the on-delay."""
        register, span = self.world.configuration.register, self.hazard.span
        for rule in self.world.configuration.ruleset.rules:
            limit = rule.limit_of(WarningLevel.ORANGE)
            for number in rule.sensors if limit else ():
                if limit is None or register.sensors[number].asset != span.asset:
                    continue
                series = self.world.app.stores.history.read(number, span.start_ns, span.end_ns)
                below = np.flatnonzero(series.value <= limit.limit)
                if len(below):
                    return int(series.time_ns[below[0]]) + int(limit.on_delay_s * 1e9)
        return None

    def _check_fault(self) -> Iterator[StoryCheck]:
        asset = self.fault.span.asset
        register = self.world.configuration.register
        hazard = self.find_alert(asset, Dimension.HAZARD)
        yield StoryCheck("dead terminal raises no hazard", hazard is None, "none" if hazard is None else hazard.id)
        alert = self.find_alert(asset, Dimension.HEALTH)
        deliveries = self.world.app.stores.ledger.outbox.read_deliveries(alert.id) if alert else []
        notices = [each for each in deliveries if each.notification.kind is NotificationKind.DEVICE_FAULT]
        told = {each.notification.contact for each in notices if each.first_sent_ns}
        maintenance = {contact.id for contact in register.contacts_for(asset, Role.MAINTENANCE)}
        yield StoryCheck("device-fault notice to maintenance only", told == maintenance != set(), f"{len(notices)} SMS")

    def _check_replay(self) -> StoryCheck:
        app, configuration = self.world.app, self.world.configuration
        reader = JournalReader(configuration.settings.journal.path, configuration.register.sensor_ids)
        result = compare_with_ledger(reader, app.stores.ledger, configuration.register, configuration.ruleset)
        reader.close()
        return StoryCheck(
            "replay of the journal equals the ledger", result.difference is None, f"{result.events} events"
        )

    def _check_letters(self) -> StoryCheck:
        letters = self.world.app.stores.journal.dead_letters(10)
        return StoryCheck("no message refused", not letters, f"{len(letters)} dead letters")
