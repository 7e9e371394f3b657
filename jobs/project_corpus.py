"""Projects a parallel corpus: tags its source side, aligns the entities, and writes labels for its target side.

Without --corpus it projects the sample that comes with xner. Shards that have their labels already are left as they
are, so a run that was interrupted is taken up again by the same command.
"""

from xner_core.cli.job import Command, run_job
from xner_core.workflows.projection import project_corpus
from xner_core.workflows.projection_settings import ProjectionSettings

COMMANDS = Command(ProjectionSettings, project_corpus)

if __name__ == "__main__":
    run_job(__doc__, COMMANDS)
