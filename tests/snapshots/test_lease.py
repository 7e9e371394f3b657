import subprocess
import sys
import time

import pytest

from xner_core.errors import XnerError
from xner_core.snapshots import lease as module
from xner_core.snapshots.lease import Lease, LeaseHeld, LeaseLost, read_latest, record_of
from xner_core.snapshots.record import SharedRecord
from xner_core.storage.files import locate

SHORT = 1.5


@pytest.fixture(params=["local", "s3"])
def folder(request, tmp_path):
    return locate(tmp_path if request.param == "local" else request.getfixturevalue("s3_folder"))


def another_machine(monkeypatch) -> None:
    """Leases are then only known to be dead by their silence."""
    monkeypatch.setattr(module, "_process", lambda pid: None)


def abandon(lease: Lease) -> None:
    """What a holder does that is killed or stopped: nothing more."""
    lease._ended.set()
    lease._keeper.join()


def test_one_at_a_time(folder):
    with (
        Lease(folder, "a test", SHORT),
        pytest.raises(LeaseHeld, match=r"a test \(process \d+ on .*\) is at work here"),
    ):
        Lease(folder, "another", SHORT).__enter__()
    assert read_latest(folder).lease is None
    with Lease(folder, "another") as lease:
        lease.publish("one")
    assert read_latest(folder).snapshot == "one"
    with Lease(folder, "a third") as lease:
        assert lease.snapshot == "one"


def test_a_long_run_keeps_its_lease(folder, monkeypatch):
    another_machine(monkeypatch)
    with Lease(folder, "a test", 4) as lease:
        time.sleep(5)
        lease.check()
        with pytest.raises(LeaseHeld):
            Lease(folder, "another").__enter__()
        lease.publish("one")


def test_a_dead_holder_loses_its_lease_and_cannot_publish(folder, monkeypatch):
    another_machine(monkeypatch)
    lost = Lease(folder, "a run that is stopped", SHORT).__enter__()
    abandon(lost)
    with Lease(folder, "another") as lease:
        lease.publish("another's")
        # It is woken up, and does not know how long it slept.
        lost._renewed = time.monotonic()
        with pytest.raises(LeaseLost, match="could not renew its lease"):
            lost.publish("one")
        lost.__exit__()
        lease.check()
    assert read_latest(folder).snapshot == "another's"


def test_a_change_of_which_no_answer_came_is_no_loss(folder, monkeypatch):
    replace, unanswered = SharedRecord.replace, []

    def lose_one_answer(record, seen, value):
        found = replace(record, seen, value)
        if not unanswered:
            unanswered.append(found)
            raise OSError("connection reset")
        return found

    with Lease(folder, "a test", 60) as lease:
        monkeypatch.setattr(SharedRecord, "replace", lose_one_answer)
        with pytest.raises(OSError, match="connection reset"):
            lease.publish("one")
        lease.publish("two")
        assert read_latest(folder).snapshot == "two"
    assert read_latest(folder).lease is None
    assert unanswered


def test_a_holder_that_slept_too_long_knows_it(folder):
    lease = Lease(folder, "a test", SHORT).__enter__()
    abandon(lease)
    time.sleep(1.2 * SHORT)
    with pytest.raises(LeaseLost):
        lease.check()


_HOLDER = """
import sys, time
from xner_core.storage.files import locate
from xner_core.snapshots.lease import Lease
with Lease(locate(sys.argv[1]), "a run", 60):
    print("held", flush=True)
    time.sleep(60)
"""


def test_a_killed_process_of_this_machine_loses_its_lease_at_once(folder):
    holder = subprocess.Popen([sys.executable, "-c", _HOLDER, str(folder)], stdout=subprocess.PIPE, text=True)
    assert holder.stdout.readline() == "held\n"
    holder.kill()
    started = time.monotonic()
    # It is not waited for: what is dead need not be buried.
    with Lease(folder, "another") as lease:
        lease.check()
    assert time.monotonic() - started < 30
    holder.wait()


_RACER = """
import sys
from xner_core.storage.files import locate
from xner_core.snapshots.lease import Lease, LeaseHeld
sys.stdin.readline()
try:
    with Lease(locate(sys.argv[1]), "a racer", 6) as lease:
        lease.publish(sys.argv[2])
        sys.stdin.readline()
    print("published")
except LeaseHeld:
    print("told", flush=True)
"""


def test_of_several_that_start_together_one_publishes_and_the_others_are_told(folder):
    racers = [
        subprocess.Popen(
            [sys.executable, "-c", _RACER, str(folder), f"s{number}"],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            text=True,
        )
        for number in range(4)
    ]
    for racer in racers:
        racer.stdin.write("go\n")
        racer.stdin.flush()
    deadline = time.monotonic() + 60
    while sum(racer.poll() is not None for racer in racers) < 3 and time.monotonic() < deadline:
        time.sleep(0.1)
    answers = [racer.communicate("end\n" if racer.poll() is None else None)[0].strip() for racer in racers]
    assert sorted(answers) == ["published", "told", "told", "told"]
    assert read_latest(folder).snapshot == f"s{answers.index('published')}"


def test_storage_that_ignores_conditions_is_refused(folder, monkeypatch):
    record = record_of(folder)
    replace = type(record).replace
    monkeypatch.setattr(type(record), "replace", lambda self, seen, value: replace(self, self.read(), value))
    with pytest.raises(XnerError, match="ignores the condition"):
        Lease(folder, "a test", SHORT).__enter__()
