"""I/O: the outbox in the tables of the ledger.

Input: claims, outcomes of attempts, delivery reports.
Output: notifications to send now, and the state of each.
Not responsible for: sending, and the time of a retry, see `alerts.outbox.backoff`.
Rejects: the outcome of a claim that another dispatcher has taken over.
"""

import threading
from collections import Counter
from collections.abc import Collection, Mapping, Sequence

from sqlalchemy import ColumnElement, Connection, RowMapping, Update, and_, case, func, select, update

from alerts.alert import DecisionReason
from alerts.notification import Delivery, Outcome, Verdict
from alerts.outbox.claimable import WAITING, fall_back, is_in_order, is_touched_ahead, select_due, withdraw
from alerts.outbox.delivery_reports import NEXT_STATE, Receipt
from alerts.outbox.outbox import Claim, QueueDepth
from alerts.outbox.overdue_receipts import expect_receipt, fail_over, forget, is_overdue
from alerts.outbox.suppressed import has_lost_cover, release
from alerts.store import records, schema
from alerts.store.database import Database, Row, insert_new

_TABLE = schema.notifications


class SqlOutbox:
    """An `Outbox` in one database. Thread-safe."""

    def __init__(self, database: Database) -> None:
        """Use `database`, which has its tables."""
        self._database = database
        self.counts: Counter[tuple[str, str]] = Counter()
        self._counting = threading.Lock()

    def next_due_ns(self, now_ns: int, channels: Collection[str]) -> int | None:
        """Return when the next notification for `channels` is due, in the past when one is; None without one."""
        due = case((_TABLE.c.state == "pending", _TABLE.c.next_attempt_ns), else_=_TABLE.c.lease_until_ns)
        when = func.min(case((is_touched_ahead(now_ns), 0), else_=due))
        query = select(when).where(_TABLE.c.channel.in_(channels), _TABLE.c.state.in_(WAITING), is_in_order(now_ns))
        with self._database.read() as connection:
            due_ns: int | None = connection.execute(query).scalar_one()
        return due_ns

    def claim(self, now_ns: int, free: Mapping[str, int], lease_s: float, owner: str) -> list[Claim]:
        """Return notifications to try now, at most `free[channel]` of each channel, highest priority first.

        They belong to `owner` until `now_ns` + `lease_s`, or longer after `renew`. Then any dispatcher may try them.
        """
        claims: list[Claim] = []
        with self._database.write() as connection:
            withdrawn = withdraw(connection, now_ns)
            for channel, limit in free.items():
                rows = connection.execute(select_due(channel, now_ns, limit)).mappings()
                claims += [_claim(row, owner, now_ns) for row in rows]
            if claims:
                connection.execute(_lease([each.notification.id for each in claims], now_ns, lease_s, owner))
        with self._counting:
            self.counts.update(("notifications_withdrawn", reason.value) for reason in withdrawn)
        return sorted(claims, key=lambda each: -each.priority)

    def renew(self, claims: Sequence[Claim], now_ns: int, lease_s: float) -> None:
        """Keep `claims`, all of one owner, until `now_ns` + `lease_s`: they are still being sent."""
        mine = and_(
            _TABLE.c.id.in_([each.notification.id for each in claims]),
            _TABLE.c.state == "sending",
            _TABLE.c.lease_owner.in_({each.owner for each in claims}),
        )
        until_ns = now_ns + round(lease_s * 1e9)
        with self._database.write() as connection:
            connection.execute(update(_TABLE).where(mine).values(lease_until_ns=until_ns, touched_ns=now_ns))

    def record_attempt(self, claim: Claim, outcome: Outcome, now_ns: int, retry_ns: int | None) -> bool:
        """Store the outcome of `claim`; False when the claim was no longer this owner's and nothing changed."""
        state = _state_after(outcome, retry_ns)
        still_sending = _TABLE.c.state == "sending"
        values: dict[str, object] = {
            # A receipt that came before the answer is newer than the answer.
            "state": case((still_sending, state), else_=_TABLE.c.state),
            "last_reason": outcome.reason,
            "touched_ns": now_ns,
            "next_attempt_ns": retry_ns or 0,
            "provider_ref": outcome.provider_ref,
        }
        if outcome.verdict is Verdict.SENT:
            values["first_sent_ns"] = func.coalesce(_TABLE.c.first_sent_ns, now_ns)
        mine = and_(
            _TABLE.c.id == claim.notification.id,
            _TABLE.c.attempts == claim.attempt,
            _TABLE.c.lease_owner == claim.owner,
        )
        with self._database.write() as connection:
            is_mine = connection.execute(update(_TABLE).where(mine).values(**values)).rowcount == 1
            if is_mine and state in ("refused", "failed"):
                fall_back(connection, claim.notification.id, now_ns)
            if is_mine and outcome.receipt_within_s and claim.notification.is_urgent:
                due_ns = now_ns + round(outcome.receipt_within_s * 1e9)
                expect_receipt(connection, claim.notification.id, due_ns)
        self._count_attempt(outcome, state, is_mine=is_mine)
        return is_mine

    def record_receipt(self, receipt: Receipt, now_ns: int) -> bool:
        """Store a delivery report; False when it was known before or belongs to no notification."""
        row: Row = {"notification": receipt.notification, "code": int(receipt.code), "received_ns": now_ns}
        with self._database.write() as connection:
            locked = select(_TABLE.c.state).where(_TABLE.c.id == receipt.notification).with_for_update()
            state = connection.execute(locked).scalar_one_or_none()
            is_new = state is not None and insert_new(connection, schema.receipts, [row]) == 1
            after = NEXT_STATE.get((state or "", receipt.code))
            if is_new and after is not None:
                _move(connection, receipt, after, now_ns)
        with self._counting:
            reason = receipt.code.name.lower() if is_new else "repeated" if state is not None else "unknown"
            self.counts["receipts", reason] += 1
        return is_new

    def fail_over(self, now_ns: int) -> list[DecisionReason]:
        """Give urgent messages without a receipt to the next channel or contact; returns each decision."""
        with self._database.read() as connection:
            if not is_overdue(connection, now_ns):
                return []
        with self._database.write() as connection:
            decided = fail_over(connection, now_ns)
        with self._counting:
            self.counts.update(("receipts_missing", reason.value) for reason in decided)
        return decided

    def release(self, now_ns: int) -> int:
        """Send each suppressed message after all if its substitute did not arrive; returns their number."""
        with self._database.read() as connection:
            if not has_lost_cover(connection):
                return 0
        with self._database.write() as connection:
            released = release(connection, now_ns)
        with self._counting:
            self.counts["notifications_released", ""] += released
        return released

    def find(self, notification: str) -> Delivery | None:
        """Return one notification with its state; None when there is none of that id."""
        return next(iter(self._read(_TABLE.c.id == notification)), None)

    def read_deliveries(self, alert: str) -> list[Delivery]:
        """Return every notification of `alert` with its state, in the order of decision."""
        return self._read(_TABLE.c.alert == alert)

    def measure_queues(self) -> dict[str, QueueDepth]:
        """Return the depth of the queue of each channel that has waiting notifications."""
        pending = func.sum(case((_TABLE.c.state == "pending", 1), else_=0))
        columns = (_TABLE.c.channel, pending, func.count() - pending, func.min(_TABLE.c.created_ns))
        query = select(*columns).where(_TABLE.c.state.in_(WAITING)).group_by(_TABLE.c.channel)
        with self._database.read() as connection:
            rows = connection.execute(query).all()
        return {channel: QueueDepth(int(count), int(rest), oldest) for channel, count, rest, oldest in rows}

    def _read(self, condition: ColumnElement[bool]) -> list[Delivery]:
        """Return the notifications that meet `condition`, in the order of decision."""
        given = schema.acknowledgements
        joined = _TABLE.outerjoin(given, (given.c.alert == _TABLE.c.alert) & (given.c.contact == _TABLE.c.contact))
        order = (_TABLE.c.alert, _TABLE.c.sequence, _TABLE.c.channel, _TABLE.c.contact)
        query = select(_TABLE, given.c.acknowledged_ns).select_from(joined).where(condition).order_by(*order)
        with self._database.read() as connection:
            rows = list(connection.execute(query).mappings())
            receipts = _receipts(connection, condition)
        return [records.delivery_from(row, receipts.get(row["id"], ())) for row in rows]

    def _count_attempt(self, outcome: Outcome, state: str, *, is_mine: bool) -> None:
        with self._counting:
            self.counts["notification_attempts", outcome.verdict.value if is_mine else "fenced"] += 1
            if is_mine and state in ("refused", "failed"):
                self.counts["notifications_undelivered", state] += 1


def _receipts(connection: Connection, condition: ColumnElement[bool]) -> Mapping[str, tuple[tuple[int, int], ...]]:
    table = schema.receipts
    joined = table.join(_TABLE, table.c.notification == _TABLE.c.id)
    query = select(table).select_from(joined).where(condition).order_by(table.c.received_ns, table.c.code)
    found: dict[str, tuple[tuple[int, int], ...]] = {}
    for row in connection.execute(query):
        found[row.notification] = (*found.get(row.notification, ()), (row.code, row.received_ns))
    return found


def _state_after(outcome: Outcome, retry_ns: int | None) -> str:
    if outcome.verdict is Verdict.RETRY:
        return "failed" if retry_ns is None else "pending"
    return "sent" if outcome.verdict is Verdict.SENT else "refused"


def _move(connection: Connection, receipt: Receipt, state: str, now_ns: int) -> None:
    values: dict[str, object] = {"state": state, "last_reason": f"receipt: {receipt.code.name.lower()}"}
    if state in ("sent", "delivered"):
        values["first_sent_ns"] = func.coalesce(_TABLE.c.first_sent_ns, now_ns)
    connection.execute(update(_TABLE).where(_TABLE.c.id == receipt.notification).values(**values))
    if state != "sent":
        forget(connection, receipt.notification)
    if state in ("refused", "failed"):
        fall_back(connection, receipt.notification, now_ns)


def _claim(row: RowMapping, owner: str, now_ns: int) -> Claim:
    first_ns = row["first_attempt_ns"]
    return Claim(
        records.notification_from(row),
        row["priority"],
        row["attempts"] + 1,
        owner,
        now_ns if first_ns is None else first_ns,
    )


def _lease(ids: Sequence[str], now_ns: int, lease_s: float, owner: str) -> Update:
    return (
        update(_TABLE)
        .where(_TABLE.c.id.in_(ids))
        .values(
            state="sending",
            attempts=_TABLE.c.attempts + 1,
            first_attempt_ns=func.coalesce(_TABLE.c.first_attempt_ns, now_ns),
            touched_ns=now_ns,
            lease_until_ns=now_ns + round(lease_s * 1e9),
            lease_owner=owner,
        )
    )
