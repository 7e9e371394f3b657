import json
from dataclasses import dataclass, field

import pytest
from jsonargparse.typing import PositiveInt

from xner_core.cli import Command, run_job
from xner_core.errors import RunFailure, XnerError


@dataclass(frozen=True)
class Inner:
    """Inner settings.

    Args:
        size: a size
    """

    size: PositiveInt = 3


@dataclass(frozen=True)
class Settings:
    """Settings.

    Args:
        name: a name
        low: at most high
        high: at least low
        then_stop: a switch
        inner: nested
    """

    name: str
    low: int = 0
    high: int = 10
    then_stop: bool = False
    inner: Inner = field(default_factory=Inner)

    def __post_init__(self):
        if self.low > self.high:
            raise ValueError(f"low {self.low} is above high {self.high}")


def echo(settings: Settings) -> dict:
    """Gives its settings back."""
    if settings.name == "bad":
        raise XnerError("bad.txt:3: what it says; mend it")
    if settings.name == "full":
        raise RunFailure("out.parquet: disk full; run again")
    return {"status": "done", "size": settings.inner.size, "low": settings.low, "stop": settings.then_stop}


def run(*arguments: str, commands=None) -> int:
    with pytest.raises(SystemExit) as exit_:
        run_job("A job.", commands or Command(Settings, echo), arguments)
    return exit_.value.code


def test_flags_override_the_yaml_file(tmp_path):
    (tmp_path / "a.yaml").write_text("name: x\nlow: 2\ninner: {size: 5}\n")
    out = tmp_path / "out.json"
    status = run("--config", str(tmp_path / "a.yaml"), "--low", "4", "--then-stop", "--json", str(out))
    assert status == 0
    assert json.loads(out.read_text()) == {"status": "done", "size": 5, "low": 4, "stop": True}


def test_an_unknown_key_is_refused_and_the_valid_ones_are_named(tmp_path, capsys):
    (tmp_path / "a.yaml").write_text("name: x\ninner: {sizes: 5}\n")
    assert run("--config", str(tmp_path / "a.yaml")) == 2
    assert "--inner.size" in capsys.readouterr().err
    assert run("--name", "x", "--nmae", "y") == 2
    error = capsys.readouterr().err
    assert "--nmae" in error
    assert "--then_stop" in error


@pytest.mark.parametrize(
    ("arguments", "message"),
    [(["--inner.size", "0"], "inner.size"), (["--low", "11"], "low 11 is above high 10"), (["--low", "x"], "low")],
)
def test_bad_values_are_refused(arguments, message, capsys):
    assert run("--name", "x", *arguments) == 2
    assert message in capsys.readouterr().err


def test_bad_input_exits_with_2_and_its_message_without_a_traceback(tmp_path, capsys):
    out = tmp_path / "out.json"
    assert run("--name", "bad", "--json", str(out)) == 2
    assert capsys.readouterr().err == "error: bad.txt:3: what it says; mend it\n"
    assert json.loads(out.read_text())["reason"] == "bad.txt:3: what it says; mend it"


def test_a_failure_that_a_rerun_may_mend_exits_with_1(capsys):
    assert run("--name", "full") == 1
    assert capsys.readouterr().err == "error: out.parquet: disk full; run again\n"


def test_a_result_that_failed_in_part_is_written_and_exits_with_1(tmp_path, capsys):
    commands = Command(Settings, lambda _: {"status": "failed", "reason": "1 of 3", "done": 2})
    assert run("--name", "a", "--json", str(tmp_path / "out.json"), commands=commands) == 1
    assert json.loads((tmp_path / "out.json").read_text())["done"] == 2
    assert "failed: 1 of 3" in capsys.readouterr().out


def test_subcommands_have_settings_of_their_own(tmp_path):
    out = tmp_path / "out.json"
    status = run("echo", "--name", "x", "--json", str(out), commands={"echo": Command(Settings, echo)})
    assert status == 0
    assert json.loads(out.read_text())["size"] == 3
