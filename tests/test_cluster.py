"""The files of cluster/ against the parser of the job that they run."""

import json
import re
import shlex
from pathlib import Path

import jsonschema
import pytest
import ray
import yaml

from xner_core import __version__
from xner_core.cli import Command, build_parser
from xner_core.pipeline import ProjectionSettings, project_corpus
from xner_core.training.job import train_student
from xner_core.training.student import StudentSettings

ROOT = Path(__file__).parent.parent
JOBS = {
    "jobs/project_corpus.py": Command(ProjectionSettings, project_corpus),
    "jobs/train_student.py": Command(StudentSettings, train_student),
}


def commands(text: str) -> list[str]:
    """Every `python jobs/… …` of a document."""
    return re.findall(r"python (jobs/\w+\.py[^\n`]*)", text)


def parse(command: str):
    script, *arguments = shlex.split(command)
    assert (ROOT / script).is_file()
    return build_parser("", JOBS[script]).parse_args(arguments)


def rayjob() -> dict:
    return yaml.safe_load((ROOT / "cluster" / "rayjob.yaml").read_text())


def launcher() -> dict:
    return yaml.safe_load((ROOT / "cluster" / "launcher.yaml").read_text())


@pytest.mark.parametrize("command", commands((ROOT / "cluster" / "README.md").read_text()))
def test_the_commands_of_the_readme_are_understood(command):
    parse(command.replace("<fingerprint>", "0" * 32))


def test_the_rayjob_runs_a_command_that_is_understood_and_fits_its_cluster():
    spec = rayjob()["spec"]
    assert spec["entrypoint"].startswith("python jobs/")
    settings = parse(spec["entrypoint"].removeprefix("python "))
    workers = spec["rayClusterSpec"]["workerGroupSpecs"][0]
    limits = workers["template"]["spec"]["containers"][0]["resources"]["limits"]
    for size in ("min", "max"):
        for resource, per_worker in (("gpus", limits["nvidia.com/gpu"]), ("cpus", limits["cpu"])):
            pools = (settings.cluster.tagger, settings.cluster.aligner)
            demand = sum(getattr(pool, f"{size}_size") * getattr(pool, resource) for pool in pools)
            assert demand <= workers[f"{size}Replicas"] * float(per_worker)


def test_the_rayjob_has_the_fields_of_kuberay():
    """Names and values of the fields used, after KubeRay 1.7's RayJob definition."""
    job = rayjob()
    assert (job["apiVersion"], job["kind"]) == ("ray.io/v1", "RayJob")
    spec = job["spec"]
    assert set(spec) <= {
        "entrypoint",
        "shutdownAfterJobFinishes",
        "ttlSecondsAfterFinished",
        "activeDeadlineSeconds",
        "preRunningDeadlineSeconds",
        "backoffLimit",
        "submissionMode",
        "rayClusterSpec",
    }
    assert spec["submissionMode"] in ("K8sJobMode", "HTTPMode", "SidecarMode", "InteractiveMode")
    assert spec["preRunningDeadlineSeconds"] < spec["activeDeadlineSeconds"]
    assert set(spec["rayClusterSpec"]) <= {"rayVersion", "headGroupSpec", "workerGroupSpecs"}
    head = spec["rayClusterSpec"]["headGroupSpec"]
    assert set(head) <= {"rayStartParams", "template"}
    for worker in spec["rayClusterSpec"]["workerGroupSpecs"]:
        assert set(worker) <= {"groupName", "replicas", "minReplicas", "maxReplicas", "rayStartParams", "template"}
        assert worker["minReplicas"] <= worker["replicas"] <= worker["maxReplicas"]
    for group in (head, *spec["rayClusterSpec"]["workerGroupSpecs"]):
        assert all(isinstance(value, str) for value in group["rayStartParams"].values())
        for container in group["template"]["spec"]["containers"]:
            assert container["image"] == f"xner:{__version__}"


def test_the_launcher_file_is_valid_by_rays_own_schema():
    schema = json.loads((Path(ray.__path__[0]) / "autoscaler" / "ray-schema.json").read_text())
    jsonschema.validate(launcher(), schema)


def test_the_launcher_installs_and_excludes_what_exists():
    setup = " ".join(launcher()["setup_commands"])
    for name in re.findall(r"--constraint (\S+)", setup):
        assert (ROOT / name).is_file()
    extras = re.findall(r"\.\[([\w,]+)\]", setup)[0].split(",")
    assert all(f"\n{extra} = [" in (ROOT / "pyproject.toml").read_text() for extra in extras)
