"""What every section of params.yaml and every catalogue entry has in common."""

from pathlib import Path
from typing import Any, ClassVar, Self

from pydantic import BaseModel, ConfigDict
from ruamel.yaml import YAML

ROOT = Path(__file__).resolve().parents[3]


def read_yaml(path: Path) -> dict[str, Any]:
    """The mapping in a YAML 1.2 file, the dialect that DVC writes (`3e-05` is a number)."""
    with path.open(encoding="utf-8") as file:
        found = YAML(typ="safe").load(file)
        return {} if found is None else found


class Section(BaseModel):
    """A frozen, strict part of params.yaml; unknown keys and values of another type are errors."""

    model_config = ConfigDict(extra="forbid", frozen=True, strict=True, allow_inf_nan=False)

    name_in_params: ClassVar[str] = ""

    @classmethod
    def read(cls, root: Path = ROOT) -> Self:
        """The section as params.yaml has it. Call `params.check` before, for readable errors."""
        found = read_yaml(root / "params.yaml")
        for name in cls.name_in_params.split("."):
            inner = found.get(name)
            found = {} if inner is None else inner  # 0, false and '' are no sections
        return cls.model_validate(found)
