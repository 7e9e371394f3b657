"""Measures one row in this process: `python -m throughput_rows.worker MODULE:FUNCTION WORK.json ANSWER.json`."""

import importlib
import json
import logging
import sys
from dataclasses import asdict
from pathlib import Path

from throughput_rows.measured import Work


def main(function: str, work: str, answer: str) -> None:
    """Calls a row's function with what it is to measure, and writes its lines down."""
    logging.basicConfig(level=logging.WARNING)
    module, _, name = function.partition(":")
    lines = getattr(importlib.import_module(f"throughput_rows.{module}"), name)(
        Work(**json.loads(Path(work).read_text()))
    )
    Path(answer).write_text(json.dumps({line: asdict(measured) for line, measured in lines.items()}))


if __name__ == "__main__":
    main(*sys.argv[1:])
