"""The workflow can change nothing and runs no action that others can replace; skips are told."""

import os
import re
import subprocess
from pathlib import Path

import pytest

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


# What stands for python3: it makes environments with these programs.
ENVIRONMENT = """#!/bin/sh
mkdir -p "$3/bin"
printf '{pip}' >"$3/bin/python"
cat >"$3/bin/pip-audit" <<'EOF'
for pins; do :; done
case "$*" in *--require-hashes*) grep -q -- --hash= "$pins" || exit 1 ;; esac
echo "No known vulnerabilities found"; echo "pip  {told}"
EOF
printf 'exit 0' >"$3/bin/zizmor"
chmod +x "$3/bin/"*
"""


@pytest.mark.parametrize(
    ("pip", "told", "skipped"),
    [
        ("exit 1", "", ["nothing was looked up"]),
        ("exit 0", "could not be audited: pip", ["1 packages of requirements/base.txt"]),
        ("exit 0", "", []),
    ],
)
def test_a_check_that_cannot_be_done_is_told(
    pip: str, told: str, skipped: list[str], tmp_path: Path
) -> None:
    """With a pip that reaches nothing, and with one beside which no list of flaws is reached."""
    python = tmp_path / "python3"
    python.write_text(ENVIRONMENT.format(pip=pip, told=told))
    python.chmod(0o755)
    path = f"{tmp_path}{os.pathsep}/usr/bin{os.pathsep}/bin"
    for variables, sign in (({}, "SKIPPED: "), ({"CI": "true"}, "::warning::")):
        ran = subprocess.run(
            ["bash", str(CHECK)], env={"PATH": path, **variables}, capture_output=True, text=True
        )
        assert ran.returncode == 0, ran
        said = ran.stdout + ran.stderr
        assert (sign in said) == bool(skipped)
        assert all(sentence in said for sentence in skipped), said
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
