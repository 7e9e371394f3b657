import subprocess
import sys

_CALLS = """
import re, threading, time
from xner_core.projection.faults.deadline import Deadline

deadline = Deadline()

def sleep(limit, seconds):
    with deadline.after(limit):
        time.sleep(seconds)

threads = [threading.Thread(target=sleep, args=limits) for limits in {calls}]
for thread in threads:
    thread.start()
for thread in threads:
    thread.join()
{last}
print("alive")
"""


def run(calls, last="") -> subprocess.CompletedProcess:
    code = _CALLS.format(calls=calls, last=last)
    return subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, timeout=120, check=False)


def test_calls_that_end_in_time_leave_the_process_alone():
    assert run([(60, 0.1), (1, 0.01), (60, 1.5)]).stdout == "alive\n"


def test_a_call_that_takes_too_long_ends_the_process_though_others_have_time():
    ended = run([(600, 300), (1, 300), (600, 0)])
    assert (ended.returncode, ended.stdout) == (1, "")
    assert "in sleep" in ended.stderr


def test_a_call_that_never_lets_go_of_the_interpreter_ends_as_well():
    spin = 'with deadline.after(1):\n    re.match(r"(a+)+$", "a" * 64 + "b")'
    ended = run([], spin)
    assert (ended.returncode, ended.stdout) == (1, "")
    assert "in match" in ended.stderr
