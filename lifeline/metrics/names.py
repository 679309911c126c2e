"""The name and meaning of every metric, for `/metrics` and docs/metrics.md.

Input: nothing.
Output: tables without the prefix `lifeline_`; counters also without `_total`.
Not responsible for: values.
Rejects: nothing; a test compares the tables with the counters in the code and with the document.
"""

from collections.abc import Mapping

COUNTERS: Mapping[str, str] = {
    "acknowledgements": "Acknowledgements by link or console; repeated changed nothing.",
    "acknowledgements_stale": (
        "PUBACKs dropped because the connection had changed: the broker sends those messages again."
    ),
    "alarm_events": "Alarm transitions committed to the ledger, each once.",
    "bad_alarms": "Times that an alarm began to chatter, or was over as soon as it began, by which.",
    "batches_judged": "Journal entries judged by the rules.",
    "canaries_lost": "Messages to ourselves that did not come back in time.",
    "check_memory_failures": "Times that the file of what the checks know could not be written, or was not believed.",
    "check_memory_saved": "Times that what the checks know of the sensors was saved.",
    "clock_memory_failures": "Times that the file of the devices' clocks could not be written, or was not believed.",
    "commits": "Commits of the journal by the intake.",
    "commits_refused": "Commits that the journal refused; nothing was acknowledged.",
    "connections": "Connections made to the broker.",
    "connects_failed": "Attempts to connect to the broker that failed.",
    "dead_letters": "Messages and points that could not be used, by reason; lifeline dead-letters shows them.",
    "dead_letters_evicted": "Oldest dead letters deleted at their quota.",
    "decisions": "Decisions about who is told, by reason.",
    "device_memory_failures": (
        "Times that the file of what is known of the devices could not be written, or was not believed."
    ),
    "device_memory_saved": "Times that what is known of the devices was saved.",
    "history_minutes_expired": "Minutes of the embedded history deleted by retention.",
    "history_requests": "Requests to the time-series server.",
    "history_retries": "Writes to the history that had to be repeated.",
    "journal_entries_trimmed": "Journal entries deleted after all readers: past retention, or sooner for room.",
    "journal_readings_dropped": "Readings of an older journal whose sensor has left the register.",
    "journal_rows_set_aside": "Journal rows that cannot be read, kept and skipped.",
    "journal_trims_refused": "Trims that a full disk refused at first.",
    "ledger_retries": "Steps that the ledger did not take at once, by error.",
    "messages": "MQTT messages made durable.",
    "messages_refused": "MQTT messages refused for their quality of service.",
    "notification_attempts": "Attempts to hand a notification over, by what became of it.",
    "notifications": "Notifications put into the outbox.",
    "notifications_dropped": "Notifications not put into the outbox because the same id was there.",
    "notifications_undelivered": "Notifications that a channel refused or gave up.",
    "notifications_released": "Notifications left out of an incident and sent after all: what was told did not arrive.",
    "notifications_withdrawn": "Notifications withdrawn before they were handed over, by reason.",
    "readings": "Readings made durable.",
    "readings_flagged": "Readings stored with a doubtful quality, by flag.",
    "readings_held": "Readings that changed no timer because their quality is doubtful.",
    "readings_judged": "Readings given to the rules since the start of the program, replayed ones left out.",
    "readings_not_judged": "Readings that no rule looked at, by reason.",
    "readings_same_time": "Readings that differ from another of the same sensor and time, by what became of them.",
    "readings_released_early": "Readings that were to wait for older ones and did not, by reason.",
    "receipts": "Delivery reports, by what they say.",
    "receipts_missing": "Urgent messages without a receipt in time, by what was decided.",
    "recorded_readings": "Readings stored in the history.",
    "reloads": "Times that the district was loaded again, by what became of it: applied, unchanged or refused.",
    "rule_evaluations": "Readings judged by a hazard rule, by kind; once for each rule that watches it.",
    "sequence_gaps": (
        "Numbers of messages that devices passed over: missing, and of these filled in by messages that came after all."
    ),
    "sequence_repeats": "Numbered messages that had come before, or too late to tell.",
    "sequence_restarts": "Times that a device began to number its messages anew, by how it showed.",
    "sessions_lost": "Times that the broker had forgotten our session.",
    "sparkplug_sessions": "What births, deaths and gaps of Sparkplug edge nodes did, by kind.",
    "subscriptions_refused": "Subscriptions that the broker refused.",
    "takeovers_suspected": "Times that the broker ended our connections as if another had our client id.",
    "ticks": "Empty batches that moved the clock while nothing came.",
    "ticks_refused": "Ticks that the journal refused.",
    "zone_rows_alone": "Rows of zones that one sensor departed far and alone, which add nothing to a danger.",
    "zone_rows_not_judged": "Rows of zones whose sensors could not be compared with each other, by reason.",
}
"""Each has the label `reason`, empty where there is only one."""

GAUGES: Mapping[str, str] = {
    "alive": "1 while no thread has died and nothing is stuck.",
    "assets": "Assets by level; none are those of which nothing is known now.",
    "broker_connected": "1 while the intake is connected to the broker.",
    "channel_up": "1 while the channel works.",
    "devices_wrong_clock": "Devices whose clock is steadily wrong: their readings get the received time.",
    "intake_canary_age_seconds": "Since a message to ourselves last came back.",
    "intake_loop_age_seconds": "Since the intake's loop last turned.",
    "journal_bytes": "Bytes in use in the journal.",
    "journal_entries": "Entries in the journal.",
    "journal_max_bytes": "Size at which the intake stops acknowledging.",
    "journal_position": "Last position in the journal.",
    "ledger_position": "Journal position up to which the ledger is complete.",
    "open_alerts": "Open hazard alerts by level.",
    "open_device_faults": "Open device faults.",
    "outbox_pending": "Notifications not yet handed over, by channel.",
    "ready": "1 while the rules are restored and the broker is connected.",
    "self_alarm": "1 while this alarm of the system about itself holds; absent otherwise.",
    "sensors": "Sensors by health of their data.",
    "snapshot_position": "Journal position of the newest snapshot of the rules.",
    "stage_lag_entries": "Journal entries that a stage has still to read.",
    "stage_position": "Last journal position that a stage has read.",
}
"""Values of the moment of the scrape."""

HISTOGRAMS: Mapping[str, str] = {
    "decision_seconds": "From the arrival of a reading to its committed alarm event.",
    "handover_seconds": "From the arrival of a reading to the moment at which a channel took the notification.",
}
"""Seconds."""
