"""The command, run in this process: one of its own costs a second of imports, and is only needed for what it shows."""

import io
import sys
from contextlib import redirect_stderr, redirect_stdout
from dataclasses import dataclass

import pytest

from pipelines.cli import run


@dataclass(frozen=True)
class Finished:
    """What a command returned and printed."""

    code: int
    output: str
    errors: str


def run_command(*arguments: str, **environment: str) -> Finished:
    """Run `coupontools` with these arguments and variables; whatever it sets of the environment is undone."""
    output, errors = io.StringIO(), io.StringIO()
    with pytest.MonkeyPatch.context() as patch, redirect_stdout(output), redirect_stderr(errors):
        patch.setattr(sys, "argv", ["coupontools", *arguments])
        for name, value in environment.items():
            patch.setenv(name, value)
        code = run()
    return Finished(code, output.getvalue(), errors.getvalue())
