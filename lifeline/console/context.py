"""I/O: the parts of the running program that every page reads.

Input: the stages and stores, from `lifeline.runtime.app`.
Output: one value that each route gets.
Not responsible for: HTML.
Rejects: nothing.
"""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from datetime import tzinfo

from prometheus_client import CollectorRegistry

from alerts.ledger.ledger import Ledger
from alerts.links import SignedLinks
from collector.devices.clocks import DeviceClocks
from collector.devices.device_state import DeviceStates
from collector.history import History
from collector.quarantine import Quarantine
from config.quantities import Quantity
from config.register import Register
from lifeline.rules_stage.live_state import LiveState
from lifeline.self_alarms import SystemHealth
from lifeline.text.formats import clock_text
from rules.events import AlarmKey
from rules.rule import Rule, RuleSet


@dataclass(frozen=True, slots=True)
class ConsoleContext:
    """Everything a page may look at."""

    register: Register
    quantities: Mapping[str, Quantity]
    ruleset: RuleSet
    alarms: Sequence[AlarmKey]
    ledger: Ledger
    history: History
    links: SignedLinks
    registry: CollectorRegistry
    live_state: Callable[[], LiveState]
    health: Callable[[], SystemHealth]
    clock_ns: Callable[[], int]
    devices: DeviceStates
    clocks: DeviceClocks
    quarantine: Callable[[], Quarantine]

    @property
    def zone(self) -> tzinfo:
        """The time zone of the city, for pages as for messages."""
        return self.register.city.zone

    def rule(self, rule_id: str) -> Rule | None:
        """Return the rule named `rule_id`, None when it has left the configuration."""
        return next((rule for rule in self.ruleset.rules if rule.id == rule_id), None)

    def updated_text(self) -> str:
        """Return the local time of the newest readings; empty before the first."""
        return clock_text(self.live_state().received_ns, self.zone)
