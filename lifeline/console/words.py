"""The console's words in Chinese and English: one table, so that no page says the same thing in two ways.

Comes in: a key and a language. Goes out: the word. Refuses to know levels and alarm texts: those live in
`config.levels` and `rules.explanation`.
"""

from typing import Literal

Language = Literal["zh", "en"]


def language(requested: str | None) -> Language:
    """Return the language of a page: `en` when asked for, Chinese otherwise."""
    return "en" if requested == "en" else "zh"


def word(key: str, lang: Language) -> str:
    """Return the word for `key`.

    Raises:
        KeyError: the table has no such key.
    """
    return _WORDS[key][0 if lang == "zh" else 1]


_WORDS = {
    "lifeline": ("城市生命线", "Lifeline"),
    "coverage": ("感知覆盖", "Coverage"),
    "covered": ("全部测点在线的对象", "assets heard in full"),
    "domain": ("领域", "Domain"),
    "street": ("街道", "Street"),
    "overview": ("总览", "Overview"),
    "assets": ("对象", "Assets"),
    "asset": ("对象", "Asset"),
    "level": ("风险等级", "Level"),
    "health": ("数据状态", "Data health"),
    "sensors": ("测点", "Sensors"),
    "sensor": ("测点", "Sensor"),
    "quantity": ("物理量", "Quantity"),
    "value": ("最新值", "Latest"),
    "open_alerts": ("未解除的预警", "Open alerts"),
    "no_open_alerts": ("当前没有未解除的预警", "No open alerts"),
    "alerts": ("预警", "Alerts"),
    "alert": ("预警", "Alert"),
    "alarms": ("报警", "Alarms"),
    "device_notices": ("设备故障", "Device faults"),
    "no_alarms": ("当前没有报警", "No active alarms"),
    "since": ("开始于", "Since"),
    "acknowledge": ("确认收到", "Acknowledge"),
    "acknowledged_by": ("确认人", "Acknowledged by"),
    "unacknowledged": ("未确认", "Not acknowledged"),
    "on_behalf": ("代表", "On behalf of"),
    "operator": ("值班台", "Console operator"),
    "ok": ("正常", "in order"),
    "partial": ("部分失联", "partly blind"),
    "blind": ("失联", "blind"),
    "unprotected": ("从未收到数据", "never heard"),
    "alive_one": ("在线", "alive"),
    "unseen_one": ("从未上报", "never heard"),
    "no_level": ("无数据，无等级", "no reading, no level"),
    "last_known": ("失联前等级", "last known"),
    "no_rule": ("无规则", "no rule"),
    "chart": ("最近15分钟", "Last 15 minutes"),
    "no_readings": ("最近15分钟没有读数", "No readings in the last 15 minutes"),
    "chain": ("从读数到每一部手机", "From reading to each phone"),
    "reading": ("读数", "Reading"),
    "rule": ("规则", "Rule"),
    "source": ("依据", "Source"),
    "judged_before": (
        "此处为现行规则；当时由更早的配置判定，配置更改于",
        "as written now; judged by a configuration before that of",
    ),
    "person": ("联系人", "Contact"),
    "role": ("职责", "Role"),
    "channel": ("渠道", "Channel"),
    "address": ("号码", "Address"),
    "kind": ("内容", "Message"),
    "receipt": ("回执", "Receipt"),
    "accepted": ("网关接受", "Accepted"),
    "delivered": ("送达", "Delivered"),
    "acknowledged": ("已确认", "Acknowledged"),
    "attempts": ("尝试", "Attempts"),
    "state": ("状态", "State"),
    "time": ("时间", "Time"),
    "silence": ("没有读数", "no reading"),
    "event": ("事件", "Event"),
    "advice": ("处置建议", "Advice"),
    "closed": ("已解除", "Closed"),
    "closed_unseen": ("已关闭，险情是否消除未经确认", "Closed, nobody saw the danger end"),
    "open": ("未解除", "Open"),
    "decisions": ("决定及原因", "Decisions and reasons"),
    "system": ("系统自检", "This system"),
    "system_ok": ("系统运行正常", "The system itself is well"),
    "system_alarm": ("系统自身报警", "The system itself has alarms"),
    "updated": ("数据时间", "As of"),
    "link_bad_title": ("链接无效", "This link is not valid"),
    "link_bad": (
        "链接不完整、被改动或已失效。请从短信中完整复制链接，或致电值班台。",
        "The link is incomplete, changed or expired. Copy the whole link from the message, or call the duty desk.",
    ),
    "too_many_title": ("尝试过多", "Too many attempts"),
    "too_many": ("请一分钟后再试。", "Try again in a minute."),
    "ack_question": ("收到后请按下面的按钮。", "Press the button to say that you have received it."),
    "ack_thanks": ("已记录确认", "Acknowledgement recorded"),
    "ack_closed": ("该预警已解除。", "This alert is closed."),
    "ledger_away_title": ("暂时无法显示", "Not available now"),
    "ledger_away": (
        "预警记录库暂时无法访问，请稍后重试。采集和数据存储不受影响。",
        "The record of alerts cannot be reached; try again in a moment. Collection of readings goes on.",
    ),
    "not_found_title": ("没有找到", "Not found"),
    "not_found": ("没有这个页面。", "There is no such page."),
    "history_away": ("历史数据库暂时无法访问", "The history gives no answer now"),
    "limits": ("限值", "Limits"),
    "raised": ("升起", "raised"),
    "escalated": ("升级", "escalated"),
    "lowered": ("降级", "lowered"),
    "cleared": ("解除", "cleared"),
    "device_fault": ("设备故障", "device fault"),
    "device_recovered": ("设备恢复", "device recovered"),
    "responsible": ("责任人", "responsible person"),
    "manager": ("管理人", "manager"),
    "maintenance": ("维保单位", "maintenance unit"),
    "grid_worker": ("网格员", "grid worker"),
    "duty": ("值班", "duty"),
}
