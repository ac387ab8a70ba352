"""docs/objects.md is what the schema says."""

import pathlib
import subprocess

from socled_fixture import BUILD

TOP = pathlib.Path(__file__).resolve().parents[2]


def test_the_reference_is_up_to_date():
    done = subprocess.run([TOP / "script/docs", "--check", "--build", BUILD], capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
