import json
from dataclasses import asdict, dataclass, field
from typing import Literal

import pytest
from jsonargparse.typing import ClosedUnitInterval, PositiveInt

from xner_core.cli.job import Command, Job, run_job
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
        names: several
        either: a name or a map
        sizes: numbers or all
        perhaps: a text or none
        few: several or none
        share: of all
    """

    name: str
    low: int = 0
    high: int = 10
    then_stop: bool = False
    inner: Inner = field(default_factory=Inner)
    names: list[str] = field(default_factory=list)
    either: str | dict[str, str] = "conll"
    sizes: list[PositiveInt | Literal["all"]] = field(default_factory=list)
    perhaps: str | None = None
    few: list[str] | None = None
    share: ClosedUnitInterval = 0.5

    def __post_init__(self):
        if self.low > self.high:
            raise ValueError(f"low {self.low} is above high {self.high}")


def echo(settings: Settings) -> dict:
    """Gives its settings back."""
    if settings.name == "bad":
        raise XnerError("bad.txt:3: what it says; mend it")
    if settings.name == "full":
        raise RunFailure("out.parquet: disk full; run again")
    if settings.name == "interrupted":
        raise KeyboardInterrupt
    return {"status": "done", "size": settings.inner.size, "low": settings.low, "stop": settings.then_stop}


def run(*arguments: str, commands=None) -> int:
    with pytest.raises(SystemExit) as exit_:
        run_job(Job("A job.", commands or Command(Settings, echo)), arguments)
    return exit_.value.code


def test_flags_override_the_yaml_file(tmp_path):
    (tmp_path / "a.yaml").write_text("name: x\nlow: 2\ninner: {size: 5}\n")
    out = tmp_path / "out.json"
    status = run("--config", str(tmp_path / "a.yaml"), "--low", "4", "--then-stop", "--json", str(out))
    assert status == 0
    assert json.loads(out.read_text()) == {"status": "done", "size": 5, "low": 4, "stop": True}


def test_an_unknown_key_is_refused_and_the_nearest_is_named(tmp_path, capsys):
    (tmp_path / "a.yaml").write_text("name: x\ninner: {sizes: 5}\n")
    assert run("--config", str(tmp_path / "a.yaml")) == 2
    error = capsys.readouterr().err
    assert (
        error
        == f"error: {tmp_path}/a.yaml:2: no setting 'inner.sizes'; did you mean inner.size? --help_all lists all\n"
    )
    assert run("--name", "x", "--nmae", "y") == 2
    assert capsys.readouterr().err == "error: no flag --nmae; did you mean --name? --help_all lists all\n"


@pytest.mark.parametrize(
    ("flag", "meant"),
    [("--size", "--inner.size"), ("--then-stops", "--then_stop"), ("--iner.size", "--inner.size"), ("--jsn", "--json")],
)
def test_the_nearest_flag(flag, meant, capsys):
    assert run("--name", "x", flag, "1") == 2
    assert f"did you mean {meant}?" in capsys.readouterr().err


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


def parsed(tmp_path, yaml: str, *flags: str) -> dict:
    """The settings that a YAML file and flags give, as plain values."""
    (tmp_path / "a.yaml").write_text(yaml)
    out = tmp_path / "out.json"
    commands = Command(Settings, lambda settings: {"status": "done", **asdict(settings)})
    assert run("--config", str(tmp_path / "a.yaml"), *flags, "--json", str(out), commands=commands) == 0
    return json.loads(out.read_text())


WRITTEN = [
    "no",
    "on",
    "Yes",
    "off",
    "y",
    "2019",
    "007",
    "1e3",
    "0x1F",
    "1_000",
    "12:30",
    "2026-11-27",
    ".5",
    "null",
    "NaN",
]


@pytest.mark.parametrize("text", WRITTEN)
def test_a_text_is_taken_as_it_is_written(tmp_path, text):
    """In YAML 1.1 these are switches, numbers, times, or nothing."""
    given = parsed(tmp_path, f"name: {text}\nnames: [{text}, a]\neither: {{{text}: {text}}}\n")
    assert (given["name"], given["names"], given["either"]) == (text, [text, "a"], {text: text})
    given = parsed(tmp_path, "low: 1\n", f"--name={text}", f"--names=[{text}]", f"--either={{{text}: b}}")
    assert (given["name"], given["names"], given["either"]) == (text, [text], {text: "b"})


def test_numbers_switches_and_nothing_are_what_their_types_say(tmp_path):
    given = parsed(
        tmp_path,
        "name: x\nlow: 3\nthen_stop: yes\ninner: {size: '5'}\nsizes: [500, all]\nperhaps: null\nfew:\nshare: 1e-1\n",
    )
    assert (given["low"], given["then_stop"], given["inner"]["size"], given["sizes"]) == (3, True, 5, [500, "all"])
    assert (given["perhaps"], given["few"], given["share"]) == (None, None, 0.1)
    merged = parsed(tmp_path, "name: x\ninner: &a {size: 7}\neither: {<<: {b: no}, c: d}\n")
    assert (merged["inner"]["size"], merged["either"]) == (7, {"b": "no", "c": "d"})


@pytest.mark.parametrize(
    ("flags", "message"),
    [
        (["--inner.size", "0"], "--inner.size 0: expected a whole number above 0, as in --inner.size 1"),
        (["--few", "{a: b}"], "--few {a: b}: expected a list of texts or null, as in --few '[name]'"),
        (["--then_stop", "maybe"], "--then_stop maybe: expected true or false, as in --then_stop true"),
        (["--share", "2"], "--share 2: expected a number from 0 to 1, as in --share 0.5"),
        (
            ["--inner", "x"],
            "--inner: holds settings of its own, as in --inner.size; give these, or a YAML file of them",
        ),
        (["--low"], "--low: no value; expected a whole number, as in --low 1"),
        (["--config", "nowhere.yaml"], "nowhere.yaml: no such file, or it cannot be read"),
        (
            ["more"],
            "what is 'more'? Every setting has a flag; a value with spaces stands in quotes; --help_all lists all",
        ),
    ],
)
def test_a_refusal_is_one_line_with_what_is_expected(flags, message, capsys):
    assert run("--name", "x", *flags) == 2
    assert capsys.readouterr().err == f"error: {message}\n"


@pytest.mark.parametrize(
    ("yaml", "message"),
    [
        ("name: x\nsizes: [1, al]\n", "a.yaml:2: sizes [1, al]: expected a list, each whole number above 0 or all"),
        ("name: [a\n", "a.yaml:2: not valid YAML"),
        ("- a\n", "a.yaml: not a map of settings"),
        ("name: x\ninner: 3\n", "a.yaml:2: inner: holds settings of its own"),
    ],
)
def test_what_is_wrong_in_a_file_is_shown_there(yaml, message, tmp_path, capsys):
    (tmp_path / "a.yaml").write_text(yaml)
    assert run("--config", str(tmp_path / "a.yaml")) == 2
    error = capsys.readouterr().err
    assert error.startswith(f"error: {tmp_path}/{message}")
    assert error.count("\n") == 1
    assert "Union" not in error


def test_what_is_missing_is_named(capsys):
    commands = {"echo": Command(Settings, echo), "other": Command(Settings, echo)}
    for arguments, message in [
        ([], "name a command first: echo, other; each takes --help"),
        (["ecko"], "no command 'ecko': did you mean echo? there are echo, other"),
        (["echo"], "--name must be given; --help says what to name"),
        (["echo", "--nam", "x"], "no flag --nam; did you mean --name? --help_all lists all"),
        (["echo", "--name", "x", "--low", "y"], "--low y: expected a whole number, as in --low 1"),
    ]:
        assert run(*arguments, commands=commands) == 2
        assert capsys.readouterr().err == f"error: {message}\n"


def test_an_interruption_is_one_line(tmp_path, capsys):
    out = tmp_path / "out.json"
    assert run("--name", "interrupted", "--json", str(out)) == 130
    error = "interrupted; what is finished is kept, and the same command goes on from there\n"
    assert capsys.readouterr().err == error
    assert json.loads(out.read_text()) == {"status": "failed", "reason": "interrupted"}


def test_a_file_of_results_that_cannot_be_written_is_refused_before_the_work(tmp_path, capsys):
    (tmp_path / "file").write_text("")
    assert run("--name", "x", "--json", str(tmp_path / "file/out.json")) == 2
    assert "nothing can be written there" in capsys.readouterr().err


@pytest.mark.parametrize("given", ["PER,LOC", "PER, LOC", "  PER ,\tLOC", "[PER, LOC]", "['PER', LOC]"])
def test_a_list_is_written_in_one_word(tmp_path, given):
    assert parsed(tmp_path, "name: x\n", "--few", given)["few"] == ["PER", "LOC"]
    assert parsed(tmp_path, "name: x\n", f"--few={given}")["few"] == ["PER", "LOC"]


@pytest.mark.parametrize(
    ("flags", "key", "value"),
    [
        (["--names", "out/de"], "names", ["out/de"]),
        (["--names", "it's, a: b"], "names", ["it's", "a: b"]),
        (["--names", "no,2019"], "names", ["no", "2019"]),
        (["--sizes", "500,all"], "sizes", [500, "all"]),
        (["--few", "null"], "few", None),
        (["--names", "a", "--names+", "b,c"], "names", ["a", "b", "c"]),
    ],
)
def test_lists_of_all_kinds(tmp_path, flags, key, value):
    assert parsed(tmp_path, "name: x\n", *flags)[key] == value


RENAMED = Command(Settings, echo, renamed={"shares": "share", "part": "inner", "old": "then_stop true"})


@pytest.mark.parametrize(
    ("flag", "message"),
    [
        ("--shares", "--shares is named --share now"),
        ("--part.size", "--part.size is named --inner.size now"),
        ("--old", "--old is named --then_stop true now"),
    ],
)
def test_an_old_name_is_refused_with_the_new_one(flag, message, capsys):
    assert run("--name", "x", flag, "1", commands=RENAMED) == 2
    assert capsys.readouterr().err == f"error: {message}\n"


def test_an_old_key_of_a_file_is_refused_with_the_new_one(tmp_path, capsys):
    (tmp_path / "a.yaml").write_text("name: x\npart: {size: 3}\n")
    assert run("--config", str(tmp_path / "a.yaml"), commands=RENAMED) == 2
    assert capsys.readouterr().err == f"error: {tmp_path}/a.yaml:2: 'part.size' is named 'inner.size' now\n"


def test_what_is_wrong_in_the_file_of_a_part_is_shown_there(tmp_path, capsys):
    (tmp_path / "inner.yaml").write_text("# sizes\nsize: -1\n")
    assert run("--name", "x", "--inner", str(tmp_path / "inner.yaml")) == 2
    assert capsys.readouterr().err.startswith(f"error: {tmp_path}/inner.yaml:2: inner.size -1: expected a whole number")
    (tmp_path / "inner.yaml").write_text("size: 1\nsiz: 1\n")
    assert run("--name", "x", "--inner", str(tmp_path / "inner.yaml")) == 2
    assert capsys.readouterr().err.startswith(f"error: {tmp_path}/inner.yaml:2: no setting 'inner.siz'; did you mean")


def test_a_part_is_read_from_a_file_of_its_own(tmp_path):
    (tmp_path / "inner.yaml").write_text("size: 9\n")
    assert parsed(tmp_path, "name: x\n", "--inner", str(tmp_path / "inner.yaml"))["inner"] == {"size": 9}
    flags = ["--inner", str(tmp_path / "inner.yaml"), "--inner.size", "4"]
    assert parsed(tmp_path, "name: x\n", *flags)["inner"] == {"size": 4}


@pytest.mark.parametrize("listed", ["", " ", "PER,", "PER,,LOC", ",", "PER, ,LOC"])
def test_a_list_without_a_name_is_refused(listed, capsys):
    assert run("--name", "x", f"--names={listed}") == 2
    assert "expected a list of texts, as in --names" in capsys.readouterr().err
