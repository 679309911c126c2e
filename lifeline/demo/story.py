"""I/O: the story: zero pressure in a tower, three messages, an acknowledgement from a phone, return to normal.

Input: a running world.
Output: the same world after the story, and its evidence.
Not responsible for: the verdict; `lifeline.demo.story_checks` gives it.
Rejects: nothing; an event that does not come ends the story with `StoryError`.
"""

import re
from collections.abc import Callable
from dataclasses import dataclass

import httpx

from alerts.notification import NotificationKind
from alerts.outbox.delivery_reports import ReceiptCode
from config.levels import WarningLevel
from lifeline.demo.feed import Feed
from lifeline.demo.story_checks import StoryEvidence
from lifeline.demo.world import DemoWorld
from lifeline.rules_stage.live_state import ALIVE
from rules.events import Dimension
from simulators.sms import Sms

_ZERO_S = 20.0
"""How long the pressure is away: the on-delay of 10 s, and time to acknowledge."""
_DEAD_S = 20.0
_SOON_S = 10.0
"""Sensors with a longer cadence, such as batteries, are not waited for."""
_LINK = re.compile(r"https?://\S+/a/[\w.~-]+")


class StoryError(Exception):
    """The story cannot go on: an awaited event did not come."""


@dataclass(frozen=True, slots=True)
class DemoStory:
    """Plays the scenes one after the other."""

    world: DemoWorld
    feed: Feed

    def play(self) -> StoryEvidence:
        """Return the evidence once the danger is over and everybody knows.

        Raises:
            StoryError: something that must happen did not.
        """
        self._wait("a reading of every device", self._is_all_alive, 20)
        devices = {sensor.device for sensor in self.world.configuration.register.sensors}
        self.feed.say(f"{len(devices)} 台设备全部在线 · all {len(devices)} devices are heard")
        hazard = self.world.play("zero_pressure", duration_s=_ZERO_S, asset="T-0001")
        fault = self.world.play("dead_terminal", duration_s=_DEAD_S, asset="T-0003")
        name = self.world.configuration.register.assets["T-0001"]
        self.feed.say(f"{name.name_zh}：消防管网水压降为零 · {name.name_en}: fire-water pressure falls to zero")
        self.feed.say("T-0003：终端死机，读数停在 0 · T-0003: its terminal dies and repeats zero")
        evidence = StoryEvidence(self.world, hazard, fault)
        self._wait("the alert", lambda: evidence.find_alert("T-0001", Dimension.HAZARD) is not None, 40)
        self._wait("three messages", lambda: len(self._list_sms(evidence)) >= 3, 10)
        level = WarningLevel.ORANGE
        self.feed.say(f"{level.colour_zh}色预警，三条短信同时发出 · orange: three SMS at once", level=level)
        self._wait("three receipts", lambda: self._count_receipts(evidence) >= 3, 15)
        self.feed.say("三条短信送达回执已入账 · three delivery receipts are stored")
        self._acknowledge(evidence)
        self._wait("return to normal", lambda: self._count_returns(evidence) >= 3, 60)
        self.feed.say("水压恢复，三人收到恢复通知 · pressure is back, the three have been told")
        self._wait("the device notice", lambda: evidence.find_alert("T-0003", Dimension.HEALTH) is not None, 30)
        self._wait("an empty outbox", lambda: not self.world.app.stores.ledger.outbox.measure_queues(), 15)
        return evidence

    def _acknowledge(self, evidence: StoryEvidence) -> None:
        """Open the link of a message as a phone does, and press the button."""
        with httpx.Client(timeout=10, trust_env=False, follow_redirects=True) as phone:
            inbox = phone.get(f"{self.world.gateway.url}/inbox.json").json()
            texts = {message.text for message in self._list_sms(evidence)}
            link = next(found[0] for each in inbox if each["text"] in texts and (found := _LINK.search(each["text"])))
            shown = phone.get(link)
            if shown.status_code != 200 or 'id="acknowledge"' not in shown.text:
                raise StoryError(f"acknowledge link: expected a page with a button, got {shown.status_code}")
            pressed = phone.post(link)
            if pressed.status_code != 200 or 'id="acknowledged"' not in pressed.text:
                raise StoryError(f"acknowledge button: expected a confirmation, got {pressed.status_code}")
        self.feed.say("责任人在手机上打开链接并确认 · acknowledged from the link in an SMS")

    def _wait(self, what: str, claim: Callable[[], bool], timeout_s: float) -> None:
        if not self.world.wait_for(claim, timeout_s, self.feed.pause):
            raise StoryError(f"{what}: expected within {timeout_s:g} s, did not come")

    def _is_all_alive(self) -> bool:
        health = self.world.app.live_state.health
        sensors = self.world.configuration.register.sensors
        return all(health[i] == ALIVE for i, sensor in enumerate(sensors) if sensor.cadence_s <= _SOON_S)

    def _list_sms(self, evidence: StoryEvidence) -> list[Sms]:
        alert = evidence.find_alert("T-0001", Dimension.HAZARD)
        return evidence.list_hazard_sms(self.world.app.stores.ledger.outbox.read_deliveries(alert.id)) if alert else []

    def _count_receipts(self, evidence: StoryEvidence) -> int:
        alert = evidence.find_alert("T-0001", Dimension.HAZARD)
        deliveries = self.world.app.stores.ledger.outbox.read_deliveries(alert.id) if alert else []
        return sum(any(code == ReceiptCode.DELIVERED for code, _ in each.receipts) for each in deliveries)

    def _count_returns(self, evidence: StoryEvidence) -> int:
        alert = evidence.find_alert("T-0001", Dimension.HAZARD)
        deliveries = self.world.app.stores.ledger.outbox.read_deliveries(alert.id) if alert else []
        return sum(
            each.notification.kind is NotificationKind.CLEARED and each.first_sent_ns is not None for each in deliveries
        )
