"""`make bench` runs to its end and ends with a line for machines."""

import subprocess
import sys

import pytest

from lessons import ROOT


@pytest.mark.slow
def test_ends_with_the_ratios():
    command = [sys.executable, "-m", "tools.bench", "--quick"]
    done = subprocess.run(command, capture_output=True, text=True, cwd=ROOT)
    assert done.returncode == 0, done.stderr[-2000:]
    ratios = dict(part.split("=") for part in done.stdout.splitlines()[-1].split())
    expected = {"seed_ratio", "stock_ratio", "ceiling_share", "generation_ratio"}
    assert ratios.keys() == expected
    assert all(float(value) > 0 for value in ratios.values())
    assert "CPUSFTTrainer, batch of 16" in done.stdout and "peak GB" in done.stdout
