"""Which stages a run takes from the cache, as far as dvc.lock tells: nothing is computed."""

from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any, cast

from lm_geometry.experiments.costs.prediction import STAGES
from lm_geometry.remotes.objects import stage_name
from lm_geometry.workspace.section import ROOT

if TYPE_CHECKING:
    from dvc.stage import Stage

Raw = Mapping[str, Any]


def unchanged(raw: Raw, root: Path = ROOT) -> list[str]:
    """The first stages that would not run with these parameters, in their order.

    Their command, code and parameters are those of dvc.lock, and the cache has what they wrote.
    What other experiments left in the cache may spare more.
    """
    from dvc.repo import Repo

    found: list[str] = []
    with Repo(str(root)) as repo:
        stages = {stage_name(repo, stage): stage for stage in repo.index.stages}
        made = {out.fs_path for out in repo.index.outs}
        for name in STAGES:
            if name not in stages or not _stands(stages[name], raw, made):
                break
            found.append(name)
    return found


def _stands(stage: "Stage", raw: Raw, made: set[str]) -> bool:
    from dvc.dependency import ParamsDependency

    if stage.changed_stage():
        return False
    for dep in stage.deps:
        if isinstance(dep, ParamsDependency):
            recorded = cast("dict[str, Any]", dep.hash_info.value or {})
            same = all(_value(raw, name) == value for name, value in recorded.items())
        else:
            inside = any(f"{dep.fs_path}/".startswith(f"{path}/") for path in made)
            same = inside or not dep.status()  # what an earlier stage made stands, as that does
        if not same:
            return False
    outs = [out for out in stage.outs if out.use_cache]
    return all(out.hash_info and out.cache.exists(out.hash_info.value) for out in outs)


def _value(raw: Raw, name: str) -> Any:
    found: Any = raw
    for key in name.split("."):
        found = found.get(key) if isinstance(found, Mapping) else None
    return found
