"""The words of a back-test's report in Chinese and English.

Input: a key and a language.
Output: the word.
Not responsible for: figures.
Rejects: an unknown key, as `KeyError`.
"""

from lifeline.text.words import Language


def term(key: str, lang: Language) -> str:
    """Return the word for `key`.

    Raises:
        KeyError: the table has no such key.
    """
    return _WORDS[key][0 if lang == "zh" else 1]


_WORDS = {
    "title": ("规则回测", "Back-test of rules"),
    "span": ("时段", "Span"),
    "span_text": ("共 {days:.2f} 天，{readings:,} 条读数", "{days:.2f} days, {readings:,} readings"),
    "tried": ("试验规则", "Tried rules"),
    "running": ("现行规则", "Running rules"),
    "goal": ("目标", "Goal"),
    "figure": ("指标", "Figure"),
    "load": ("报警负荷", "Alarm load"),
    "episodes": ("报警次数", "Alarms"),
    "announcements": ("提示次数（升起和升级）", "Announcements (raised or escalated)"),
    "a_day": ("每日每席提示次数", "Announcements a day and desk"),
    "peak": ("10分钟内最多提示", "Most announcements in 10 minutes"),
    "flood_minutes": ("报警泛滥分钟数", "Flood minutes"),
    "flood_share": ("泛滥时间占比", "Share of time in flood"),
    "chattering": ("频繁波动次数", "Times an alarm chattered"),
    "fleeting": ("瞬时报警次数", "Fleeting alarms"),
    "standing": ("超过24小时的报警", "Alarms standing over 24 h"),
    "most_standing": ("同时最多", "Most of them at once"),
    "faults": ("设备故障报警（不计入负荷）", "Device faults (not in the load)"),
    "sms": ("短信条数（不含重复提醒）", "SMS messages (no reminders)"),
    "levels": ("各等级报警", "Alarms by level"),
    "level": ("最高等级", "Highest level"),
    "days": ("每日报警", "Alarms by day"),
    "day": ("日期", "Date"),
    "shifts": ("各班次提示", "Announcements by shift"),
    "shift": ("班次", "Shift"),
    "shift_day": ("白班 08:00-20:00", "Day 08:00-20:00"),
    "shift_night": ("夜班 20:00-08:00", "Night 20:00-08:00"),
    "recipients": ("收到的消息", "Messages by recipient"),
    "recipient": ("接收人", "Recipient"),
    "channel": ("渠道", "Channel"),
    "actors": ("报警最多的测点（试验规则）", "Most frequent alarms (tried rules)"),
    "alarm": ("报警", "Alarm"),
    "share": ("占比", "Share"),
    "difference": ("与现行规则的差异", "Difference to the running rules"),
    "same": ("完全相同", "The same in every transition"),
    "only_tried": ("仅试验规则有", "Only by the tried rules"),
    "only_running": ("仅现行规则有", "Only by the running rules"),
    "other_levels": ("最高等级不同", "To another highest level"),
    "other_times": ("时间不同", "At other times"),
    "sort": ("差异", "Difference"),
    "number": ("数量", "Number"),
    "changes": ("逐条差异", "Every difference, alarm by alarm"),
    "health_changes": ("设备故障报警的差异", "Differences of device faults"),
    "incidents": ("与已知事件对照", "Against labelled incidents"),
    "hits": ("已报", "Told"),
    "misses": ("漏报", "Missed"),
    "repeated": ("定性为误报、仍会报警", "Labelled false alarms told again"),
    "avoided": ("定性为误报、不再报警", "Labelled false alarms not told"),
    "beside": ("事件以外的报警", "Alarms beside every incident"),
    "lead_median": ("提前量中位数", "Median lead time"),
    "findings": ("逐个事件（试验规则）", "Every incident (tried rules)"),
    "place": ("地点", "Place"),
    "lead": ("提前量（负数为滞后）", "Lead time (negative: later)"),
    "missed": ("漏报", "missed"),
    "stands": ("持续中", "stands"),
    "none": ("无", "none"),
    "green": ("绿", "green"),
    "left_out": ("另有 {n} 条未列出", "{n} more are not listed"),
    "plot_days": (
        "每日报警次数：左为试验规则，右为现行规则",
        "Alarms a day: left tried, right running rules",
    ),
    "plot_difference": (
        "每日差异：上方仅试验规则有，下方仅现行规则有，灰色为时间或等级不同",
        "Differences a day: above only tried, below only running rules, grey at other times or levels",
    ),
    "verdict_same": ("两套规则对这段历史的判断完全相同。", "Both rule sets judge this past alike in everything."),
    "verdict": (
        "试验规则：{here} 次报警，现行规则：{there} 次；每日提示 {a_day:.1f} 次（目标不超过 150）。",
        "Tried rules: {here} alarms, running rules: {there}; {a_day:.1f} announcements a day (goal: 150 at most).",
    ),
    "reading_guide": (
        "按读数自身时间判断；等级颜色与短信一致。公式见 docs/backtest.md。失联的判断依赖接收时间，只能近似。",
        "Judged by the readings' own times. Formulas: docs/backtest.md. Silence is approximate.",
    ),
    "nothing": ("这段时间没有读数。", "There are no readings in this span."),
}
