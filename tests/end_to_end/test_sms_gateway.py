import threading
import time

import httpx
import pytest

from simulators.sms_gateway import Behaviour, SmsGateway

pytestmark = pytest.mark.end_to_end

MESSAGE = {"from": "10690", "to": "+8613800000001", "text": "橙色预警·较大风险：翡翠苑1号楼", "coding": "2"}
LOGIN = {"username": "lifeline", "password": "secret"}


@pytest.fixture
def gateway():
    """Return a gateway that asks for a login."""
    running = SmsGateway(**LOGIN)
    running.start()
    yield running
    running.stop()


@pytest.fixture
def caller():
    """Return a second gateway with an inbox of the delivery reports that were called."""
    running = SmsGateway()
    running.start()
    yield running
    running.stop()


def _wait_until(condition, timeout_s=10.0):
    end = time.monotonic() + timeout_s
    while not condition() and time.monotonic() < end:
        time.sleep(0.02)
    return condition()


@pytest.mark.parametrize("charset", ["UTF-8", "GBK", "UTF-16BE"])
def test_send_get_chinese_text_reaches_the_inbox(gateway, charset):
    """A GET with any charset is accepted in Kannel's words and kept as it was written."""
    query = httpx.QueryParams({**LOGIN, "from": "10690", "to": "+8613800000001", "coding": "2", "charset": charset})
    text = "".join(f"%{byte:02X}" for byte in MESSAGE["text"].encode(charset))

    response = httpx.get(f"{gateway.send_url}?{query}&text={text}")

    assert (202, "0: Accepted for delivery") == (response.status_code, response.text)
    [sms] = gateway.inbox()
    assert ("10690", "+8613800000001", MESSAGE["text"]) == (sms.sender, sms.to, sms.text)


def test_send_post_form_reaches_the_inbox(gateway):
    """A form is as good as a query."""
    response = httpx.post(gateway.send_url, data={**LOGIN, **MESSAGE})

    assert 202 == response.status_code
    assert [MESSAGE["text"]] == [sms.text for sms in gateway.inbox()]


def test_send_to_three_numbers_makes_three_messages(gateway):
    """Numbers separated by spaces each get their message, with ids in order of receipt."""
    numbers = ["+8613800000001", "+8613800000002", "+8613800000003"]

    httpx.get(gateway.send_url, params={**LOGIN, **MESSAGE, "to": " ".join(numbers)})

    assert [(1, numbers[0]), (2, numbers[1]), (3, numbers[2])] == [(sms.id, sms.to) for sms in gateway.inbox()]


def test_send_chinese_without_ucs2_is_shown_as_question_marks(gateway):
    """A sender that forgets coding=2 sees the text of a phone."""
    httpx.get(gateway.send_url, params={**LOGIN, **MESSAGE, "text": "橙色 ok", "coding": "0"})

    assert ["?? ok"] == [sms.text for sms in gateway.inbox()]


@pytest.mark.parametrize(
    ("changes", "status", "reason"),
    [
        ({"password": "wrong"}, 403, "login"),
        ({"username": ""}, 403, "login"),
        ({"to": ""}, 400, "receiver"),
    ],
)
def test_send_bad_request_is_refused_and_counted(gateway, changes, status, reason):
    """A wrong login is 403, a missing receiver 400; nothing reaches the inbox."""
    response = httpx.get(gateway.send_url, params={**LOGIN, **MESSAGE, **changes})

    assert status == response.status_code
    assert [] == gateway.inbox()
    assert 1 == gateway.counts["messages_refused", reason]


def test_send_accepted_calls_delivery_reports_in_order(gateway, caller):
    """With mask 31 the report address is called with 8 and then with 1 in place of %d."""
    report = {"dlr-mask": "31", "dlr-url": f"{caller.send_url}?to=report&text=%d"}

    httpx.get(gateway.send_url, params={**LOGIN, **MESSAGE, **report})

    assert _wait_until(lambda: len(caller.inbox()) == 2)
    assert ["8", "1"] == [sms.text for sms in caller.inbox()]


def test_send_mask_selects_the_reports(gateway, caller):
    """With mask 1 only the delivery itself is reported."""
    report = {"dlr-mask": "1", "dlr-url": f"{caller.send_url}?to=report&text=%d"}

    httpx.get(gateway.send_url, params={**LOGIN, **MESSAGE, **report})

    assert _wait_until(lambda: gateway.counts["reports_delivered", ""] == 1)
    assert ["1"] == [sms.text for sms in caller.inbox()]


def test_report_receiver_away_is_tried_again(gateway, caller):
    """A receiver that answers 503 at first gets the same report later."""
    caller.behaviour = Behaviour.UNAVAILABLE
    report = {"dlr-mask": "1", "dlr-url": f"{caller.send_url}?to=report&text=%d"}
    httpx.get(gateway.send_url, params={**LOGIN, **MESSAGE, **report})
    assert _wait_until(lambda: caller.counts["messages_refused", "unavailable"] >= 1)

    caller.behaviour = Behaviour.ACCEPT

    assert _wait_until(lambda: gateway.counts["reports_delivered", ""] == 1)


def test_report_switched_off_is_never_called(caller):
    """A gateway without delivery reports accepts and stays quiet."""
    gateway = SmsGateway(delivery_reports=False)
    gateway.start()
    report = {"dlr-mask": "31", "dlr-url": f"{caller.send_url}?to=report&text=%d"}

    httpx.get(gateway.send_url, params={**MESSAGE, **report})
    time.sleep(1.0)
    gateway.stop()

    assert [] == caller.inbox()


def test_behaviour_unavailable_answers_503(gateway):
    """A gateway without its message centre rejects for now."""
    gateway.behaviour = Behaviour.UNAVAILABLE

    response = httpx.get(gateway.send_url, params={**LOGIN, **MESSAGE})

    assert 503 == response.status_code
    assert [] == gateway.inbox()


def test_behaviour_hang_never_answers_and_can_be_stopped(gateway):
    """The client runs into its own timeout, and the gateway still stops within seconds."""
    gateway.behaviour = Behaviour.HANG

    with pytest.raises(httpx.ReadTimeout):
        httpx.get(gateway.send_url, params={**LOGIN, **MESSAGE}, timeout=0.3)

    begin = time.monotonic()
    gateway.stop()
    assert time.monotonic() - begin < 5.0


def test_stop_refuses_connections_and_start_keeps_port_and_inbox(gateway):
    """A stopped gateway is a closed port; started again it has the same port and messages."""
    httpx.get(gateway.send_url, params={**LOGIN, **MESSAGE})
    port = gateway.port
    gateway.stop()
    with pytest.raises(httpx.ConnectError):
        httpx.get(gateway.url)

    gateway.start()

    assert port == gateway.port
    assert 1 == len(httpx.get(f"{gateway.url}/inbox.json").json())


def test_inbox_from_many_threads_is_complete(gateway):
    """Two hundred messages from four threads are all there, each id once."""

    def send():
        with httpx.Client() as client:
            for _ in range(50):
                client.get(gateway.send_url, params={**LOGIN, **MESSAGE})

    threads = [threading.Thread(target=send) for _ in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()

    assert list(range(1, 201)) == [sms.id for sms in gateway.inbox()]


def test_inbox_page_in_a_browser_shows_text_and_link(gateway, chromium):
    """A browser shows the Chinese text, newest first, and the link leads where it says."""
    link = f"{gateway.url}/inbox.json"
    for text in ("第一条", f"橙色预警·较大风险 确认：{link}"):
        httpx.get(gateway.send_url, params={**LOGIN, **MESSAGE, "text": text})

    chromium.get(f"{gateway.url}/inbox")

    articles = [article.text for article in chromium.find_elements("css selector", "article")]
    assert 2 == len(articles)
    assert "较大风险" in articles[0]
    assert link == chromium.find_element("css selector", "article a").get_attribute("href")
