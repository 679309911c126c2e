"""The name and meaning of every metric, for `/metrics` and docs/metrics.md.

Input: nothing.
Output: tables without the prefix `lifeline_`; counters also without `_total`.
Not responsible for: values.
Rejects: nothing; a test compares the tables with the counters in the code and with the document.
"""

from collections.abc import Mapping

COUNTERS: Mapping[str, str] = {
    "acknowledgements": "Acknowledgements by link or console; a repeated one changes nothing.",
    "acknowledgements_stale": (
        "PUBACKs dropped because the connection had changed: the broker sends those messages again."
    ),
    "alarm_events": "Alarm transitions committed to the ledger, each once.",
    "bad_alarms": "Alarms that began to chatter or were fleeting, by kind.",
    "batches_judged": "Journal entries evaluated by the rules.",
    "canaries_lost": "Messages to ourselves that did not come back in time.",
    "check_memory_failures": "Times that the checkpoint of the quality checks could not be written or was rejected.",
    "check_memory_saved": "Times that the checkpoint of the quality checks was saved.",
    "clock_memory_failures": "Times that the checkpoint of the device clocks could not be written or was rejected.",
    "commits": "Commits of the journal by the intake.",
    "commits_refused": "Commits that the journal rejected; no message was acknowledged.",
    "connections": "Connections made to the broker.",
    "connects_failed": "Attempts to connect to the broker that failed.",
    "dead_letters": "Messages and points that were rejected, by reason; lifeline dead-letters lists them.",
    "dead_letters_evicted": "Oldest dead letters deleted at their quota.",
    "decisions": "Decisions about recipients, by reason.",
    "device_memory_failures": "Times that the checkpoint of the devices could not be written or was rejected.",
    "device_memory_saved": "Times that the checkpoint of the devices was saved.",
    "history_minutes_expired": "Minutes of the embedded history deleted by retention.",
    "history_requests": "Requests to the time-series server.",
    "history_retries": "Writes to the history that had to be repeated.",
    "journal_entries_trimmed": "Journal entries deleted after all readers: past retention, or earlier for room.",
    "journal_readings_dropped": "Readings of an older journal with a sensor that has left the register.",
    "journal_rows_set_aside": "Unreadable journal rows, kept and skipped.",
    "journal_trims_refused": "Trims that a full disk rejected at first.",
    "ledger_retries": "Steps that the ledger did not take at once, by error.",
    "messages": "MQTT messages made durable.",
    "messages_refused": "MQTT messages rejected for their quality of service.",
    "notification_attempts": "Attempts to hand a notification over, by outcome.",
    "notifications": "Notifications put into the outbox.",
    "notifications_dropped": "Notifications not put into the outbox because the same id was there.",
    "notifications_undelivered": "Notifications that a channel rejected or gave up.",
    "notifications_released": "Suppressed notifications that were sent after all: the covering message did not arrive.",
    "notifications_withdrawn": "Notifications withdrawn before they were handed over, by reason.",
    "readings": "Readings made durable.",
    "readings_flagged": "Readings stored with a doubtful quality, by flag.",
    "readings_held": "Readings that changed no timer because their quality is doubtful.",
    "readings_judged": "Readings given to the rules since the start of the program, without replayed readings.",
    "readings_not_judged": "Readings that no rule evaluated, by reason.",
    "readings_same_time": "Readings that differ from another of the same sensor and time, by treatment.",
    "readings_released_early": "Readings that did not wait for older readings as configured, by reason.",
    "receipts": "Delivery reports, by code.",
    "receipts_missing": "Urgent messages without a receipt in time, by decision.",
    "recorded_readings": "Readings stored in the history.",
    "reloads": "Times that the district was loaded again, by result: applied, unchanged or refused.",
    "rule_evaluations": "Readings evaluated by a hazard rule, by kind; once for each rule of the sensor.",
    "sequence_gaps": "Missing sequence numbers of devices, and the missing numbers that came later.",
    "sequence_repeats": "Numbered messages that came before, or too late to know.",
    "sequence_restarts": "Times that a device restarted its sequence numbers, by evidence.",
    "sessions_lost": "Times that the broker had deleted our session.",
    "sparkplug_sessions": "Births, deaths and gaps of Sparkplug edge nodes, by kind.",
    "subscriptions_refused": "Subscriptions that the broker rejected.",
    "takeovers_suspected": "Times that the broker ended our connections as if another had our client id.",
    "ticks": "Empty batches that moved the clock without a message.",
    "ticks_refused": "Ticks that the journal rejected.",
    "zone_rows_alone": "Rows of zones with one sensor far off and alone; they add nothing to a danger.",
    "zone_rows_not_judged": "Rows of zones with sensors that could not be compared with each other, by reason.",
}
"""Each has the label `reason`, empty where there is only one."""

GAUGES: Mapping[str, str] = {
    "alive": "1 while every thread runs and no stage is stuck.",
    "assets": "Assets by level; none is for assets without a known level.",
    "broker_connected": "1 while the intake is connected to the broker.",
    "channel_up": "1 while the channel works.",
    "devices_wrong_clock": "Devices with a steadily wrong clock: their readings get the received time.",
    "intake_canary_age_seconds": "Time since the last message to ourselves came back.",
    "intake_loop_age_seconds": "Time since the last pass of the intake loop.",
    "journal_bytes": "Bytes in use in the journal.",
    "journal_entries": "Entries in the journal.",
    "journal_max_bytes": "Size at which the intake stops acknowledging.",
    "journal_position": "Last position in the journal.",
    "ledger_position": "Journal position up to which the ledger is complete.",
    "open_alerts": "Open hazard alerts by level.",
    "open_device_faults": "Open device faults.",
    "outbox_pending": "Notifications not yet handed over, by channel.",
    "ready": "1 while the rules are restored and the broker is connected.",
    "self_alarm": "1 while this self-alarm holds; absent otherwise.",
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
