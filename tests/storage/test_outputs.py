import json
from pathlib import Path

import pytest

from xner_core.errors import XnerError
from xner_core.storage.outputs import require_folder, require_lasting, require_output


def test_what_can_be_written_is_left_as_it_was(tmp_path):
    require_folder("out", str(tmp_path / "new/deep"))
    require_output("json", str(tmp_path / "new.json"))
    require_folder("out", "s3://bucket/folder")
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize("address", ["file", "file/below", "/proc/xner/out"])
def test_what_cannot_be_written_is_named(tmp_path, address):
    (tmp_path / "file").write_text("")
    with pytest.raises(XnerError, match=r"^out .*name another"):
        require_folder("out", str(tmp_path / address))
    assert not Path("/proc/xner").exists()


def test_relative_paths_of_a_submitted_job_are_refused(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    require_lasting("out", "out")
    monkeypatch.setenv("RAY_JOB_CONFIG_JSON_ENV_VAR", json.dumps({"runtime_env": {}, "metadata": {}}))
    require_lasting("out", "out")
    monkeypatch.setenv("RAY_JOB_CONFIG_JSON_ENV_VAR", json.dumps({"runtime_env": {"working_dir": "gcs://a.zip"}}))
    with pytest.raises(XnerError, match=r"out out/de: a relative path .* absolute path .* or s3://"):
        require_lasting("out", "out/de")
    for address in (str(tmp_path / "out"), "s3://bucket/out"):
        require_lasting("out", address)


def test_so_are_those_in_a_package_that_ray_has_unpacked(tmp_path, monkeypatch):
    package = tmp_path / "runtime_resources/working_dir_files/_ray_pkg_1234"
    package.mkdir(parents=True)
    monkeypatch.chdir(package)
    monkeypatch.delenv("RAY_JOB_CONFIG_JSON_ENV_VAR", raising=False)
    with pytest.raises(XnerError, match="absolute"):
        require_folder("out", "out")
