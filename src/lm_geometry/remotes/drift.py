"""Whether dvc.lock belongs to params.yaml, dvc.yaml and the code; no data need be there."""

from typing import TYPE_CHECKING, Any

from lm_geometry.remotes.objects import stage_name

if TYPE_CHECKING:
    from dvc.repo import Repo
    from dvc.stage import Stage


def drift(repo: "Repo") -> dict[str, list[str]]:
    """What changed since each stage was run, by stage; stages without a change are left out.

    Data that are not here are taken for what dvc.lock says of them.
    """
    outs = {out.fs_path: out for out in repo.index.outs}
    found = {stage_name(repo, stage): _changes(stage, outs) for stage in repo.index.stages}
    return {stage: changes for stage, changes in sorted(found.items()) if changes}


def _changes(stage: "Stage", outs: dict[str, Any]) -> list[str]:
    if not any(out.hash_info for out in stage.outs):
        return ["it never ran"]
    changes = ["its command"] if stage.changed_stage() else []
    for dep in stage.deps:
        made = outs.get(dep.fs_path)
        if made is not None and not dep.exists:
            same = made.hash_info == dep.hash_info
            changes += [] if same else [f"{dep} (another than the one in dvc.lock)"]
        elif not _is_below_an_out(dep.fs_path, outs) or dep.exists:
            changes += _described(dep.status())
    kept_in_git = [out for out in stage.outs if not out.use_cache and out.exists]
    return changes + [line for out in kept_in_git for line in _described(out.status())]


def _is_below_an_out(path: str, outs: dict[str, Any]) -> bool:
    return any(path.startswith(f"{out}/") for out in outs)


def _described(status: dict[str, Any]) -> list[str]:
    """`name (state)` of every file, folder and parameter that is not as it was."""
    lines = []
    for name, state in status.items():
        within = state if isinstance(state, dict) else {name: state}
        lines += [f"{key} ({what})" for key, what in within.items()]
    return lines
