"""Law 6 over random outcomes and deaths: at least one delivery, each time with the same id and words."""

from collections import Counter

from hypothesis import given, settings
from hypothesis import strategies as st

from alerts.ledger.ledger import Ledger
from alerts.ledger.sql_ledger import open_ledger
from alerts.notification import Notification, Outcome, Verdict
from alerts.outbox.outbox import Claim
from tests.alerts import scenes
from tests.alerts.scenes import HAZARD, ORANGE, SECOND_HAZARD, SECOND_NS, YELLOW, blind, cleared, commit, heard, raised

STORY = [
    [raised(HAZARD, YELLOW)],
    [blind(scenes.OTHER_DEVICE, 11.0), raised(SECOND_HAZARD, ORANGE, 12.0)],
    [scenes.Row(HAZARD, scenes.Transition.ESCALATED, YELLOW, ORANGE, 20.0, 10.0)],
    [cleared(HAZARD, ORANGE), heard(scenes.OTHER_DEVICE, 61.0, 11.0)],
    [cleared(SECOND_HAZARD, ORANGE, 80.0, 12.0)],
]
LEASE_S = 10.0
FATES = st.sampled_from(["taken", "taken", "refused for now", "taken and died", "died before"])
"""The result of one attempt; a dispatcher that dies records nothing."""
ROUNDS = st.lists(st.tuples(st.lists(FATES, max_size=8), st.integers(0, 25), st.booleans()), max_size=12)
"""Fates of the attempts of a round, seconds until the next one, and whether the program is started again."""


class Receiver:
    """The world outside: it remembers every copy that reached it."""

    def __init__(self) -> None:
        """Begin without a message."""
        self.copies: dict[str, list[Notification]] = {}

    def take(self, notification: Notification) -> None:
        """Get one copy."""
        self.copies.setdefault(notification.id, []).append(notification)


def attempt(ledger: Ledger, claim: Claim, fate: str, now_ns: int, receiver: Receiver) -> None:
    """Try once, with a random result."""
    if fate.startswith("taken"):
        receiver.take(claim.notification)
    if fate == "taken":
        ledger.outbox.record_attempt(claim, Outcome(Verdict.SENT, "202"), now_ns, None)
    if fate == "refused for now":
        ledger.outbox.record_attempt(claim, Outcome(Verdict.RETRY, "503"), now_ns, now_ns + SECOND_NS)


def play(url: str, rounds: list, receiver: Receiver) -> Counter[str]:
    """Live through the story and `rounds`, then work until nothing waits; returns how many fates of each there were."""
    ledger, now_ns, seen = open_ledger(url), scenes.START_NS, Counter()
    story = list(STORY)
    for n_played, (fates, pause_s, restarts) in enumerate([*rounds, *[([], 25, False)] * 40]):
        if story:
            commit(ledger, *story.pop(0))
        elif n_played > len(rounds) and not ledger.outbox.measure_queues():
            break
        for i, claim in enumerate(ledger.outbox.claim(now_ns, {"sms": 100}, LEASE_S, "one")):
            fate = fates[i] if i < len(fates) else "taken"
            seen[fate] += 1
            attempt(ledger, claim, fate, now_ns, receiver)
        now_ns += pause_s * SECOND_NS
        if restarts:
            ledger.close()
            ledger = open_ledger(url)
    assert {} == ledger.outbox.measure_queues()
    ledger.close()
    return seen


@settings(max_examples=40, deadline=None)
@given(ROUNDS)
def test_delivery_through_any_deaths_reaches_everybody_with_one_id_and_one_text(tmp_path_factory, rounds):
    """Law 6: whoever should hear does; a copy too many comes only of a death and is the identical notification."""
    url = f"sqlite:///{tmp_path_factory.mktemp('outbox') / 'l.db'}"
    receiver = Receiver()
    seen = play(url, rounds, receiver)
    ledger = open_ledger(url)
    decided = [
        each for alert in {e.alert for e in ledger.alarm_events.read()} for each in ledger.outbox.read_deliveries(alert)
    ]
    ledger.close()

    assert {each.notification.id for each in decided if each.state != "withdrawn"} <= receiver.copies.keys()
    assert receiver.copies.keys() <= {each.notification.id for each in decided}
    assert [1] * len(receiver.copies) == [len(set(copies)) for copies in receiver.copies.values()]
    assert sum(map(len, receiver.copies.values())) - len(receiver.copies) <= seen["taken and died"]
