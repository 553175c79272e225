"""The workflow can change nothing and runs no action that others can replace; skips are told."""

import os
import re
import subprocess
from pathlib import Path

from lm_geometry.workspace.section import read_yaml
from tests.structure import ROOT

WORKFLOWS = sorted((ROOT / ".github" / "workflows").glob("*.yml"))
CHECK = ROOT / ".ci" / "supply-chain"


def test_workflows_may_only_read() -> None:
    assert WORKFLOWS
    for file in WORKFLOWS:
        found = read_yaml(file)
        assert found["permissions"] == {"contents": "read"}
        assert all("permissions" not in job for job in found["jobs"].values())


def test_actions_are_named_by_commit_and_keep_no_credentials() -> None:
    used = 0
    for file in WORKFLOWS:
        for job in read_yaml(file)["jobs"].values():
            for step in job["steps"]:
                if "uses" in step:
                    used += 1
                    assert re.fullmatch(r"actions/[a-z-]+@[0-9a-f]{40}", step["uses"])
                if "actions/checkout" in step.get("uses", ""):
                    assert step["with"] == {"persist-credentials": False}
    assert used


def test_a_check_that_cannot_be_done_is_told(tmp_path: Path) -> None:
    """With a python3 whose environments have a pip that reaches nothing."""
    python = tmp_path / "python3"
    python.write_text(
        '#!/bin/sh\nmkdir -p "$3/bin"\nprintf "exit 1" >"$3/bin/python"\nchmod +x "$3/bin/python"\n'
    )
    python.chmod(0o755)
    path = f"{tmp_path}{os.pathsep}/usr/bin{os.pathsep}/bin"
    for variables, told in (({}, "SKIPPED: "), ({"CI": "true"}, "::warning::")):
        ran = subprocess.run(
            ["bash", str(CHECK)], env={"PATH": path, **variables}, capture_output=True, text=True
        )
        assert ran.returncode == 0, ran
        assert told in ran.stdout + ran.stderr
    assert "bash .ci/supply-chain" in (ROOT / "Makefile").read_text()


def test_the_cache_of_hashes_is_the_users_own(tmp_path: Path) -> None:
    """DVC's default, which every user may write to, is replaced when the environment is set up."""
    for home, expected in (
        ({"HOME": "/home/me"}, "/home/me/.cache/lm-geometry/dvc"),
        ({"HOME": "/home/me", "XDG_CACHE_HOME": "/cache"}, "/cache/lm-geometry/dvc"),
        ({}, f"{ROOT}/.scratch/lm-geometry/dvc"),
    ):
        words = ["make", "--always-make", "--dry-run", ".venv/dvc-in-a-private-folder"]
        variables = {"PATH": os.environ["PATH"], **home}
        ran = subprocess.run(words, cwd=ROOT, env=variables, capture_output=True, text=True)
        assert f'dvc config --local core.site_cache_dir "{expected}"' in ran.stdout, ran
        assert f'chmod 700 "{expected}" && test -O' in ran.stdout
