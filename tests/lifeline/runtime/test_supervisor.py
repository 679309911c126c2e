from lifeline.runtime.supervisor import Supervisor


def _boom():
    raise ValueError("no pressure")


def test_supervisor_thread_raises_records_failure():
    """An exception in any thread becomes the reason why the program ends."""
    supervisor = Supervisor()
    supervisor.run("rules", _boom).join()
    assert supervisor.failure is not None
    assert ("rules", "ValueError: no pressure") == (supervisor.failure.thread, supervisor.failure.reason)


def test_supervisor_thread_ends_unasked_records_failure():
    """A loop that returns by itself is as dead as one that raised."""
    supervisor = Supervisor()
    supervisor.run("recorder", lambda: None).join()
    assert supervisor.failure is not None
    assert supervisor.failure.thread == "recorder"


def test_supervisor_thread_ends_after_stop_is_well():
    """After the stop began, the end of a thread is no failure."""
    supervisor = Supervisor()
    supervisor.run("intake", supervisor.stopping.wait)
    supervisor.begin_stop()
    assert [] == supervisor.join(timeout_s=5)
    assert supervisor.failure is None


def test_supervisor_second_failure_keeps_first():
    """The first failure is the cause; later failures are not."""
    supervisor = Supervisor()
    supervisor.fail("intake", "first")
    supervisor.fail("rules", "second")
    assert supervisor.failure is not None
    assert supervisor.failure.reason == "first"


def test_supervisor_failure_ends_wait():
    """Whoever waits for the program wakes up when a thread fails."""
    supervisor = Supervisor()
    supervisor.run("rules", _boom)
    assert supervisor.wait(timeout_s=5)
