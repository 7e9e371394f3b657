"""Injects faults into projections on this machine, and checks that no pair is lost, doubled or labelled otherwise.

Drivers, actors and nodes are killed; pairs break the models; an S3 server fails; a disk is full; files are damaged; two
jobs are started together. Needs the extra `dev`, which brings the S3 server. Scenarios that are done stay done.
"""

from chaos.run import ChaosSettings, run_chaos
from xner_core.cli.job import Command, Job, run_job

JOB = Job(__doc__, Command(ChaosSettings, run_chaos))

if __name__ == "__main__":
    run_job(JOB)
