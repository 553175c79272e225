"""What data-prep wrote: the training corpus, and the corpus splits that are compared.

An index lists what data-prep put there, so that folders of an earlier run are never picked up.
Text that must not be passed on is no DVC out: it lies in the machine's own folder, by the hash of
its content, and the index holds that hash. So it is never pushed, and a clone that pulled
everything else has nothing to run until a stage needs the text itself.
"""

from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Required, TypedDict, cast

from lm_geometry.outs.data_prep.equations import Equations
from lm_geometry.workspace import machine, paths
from lm_geometry.workspace.files import read_json, write_json
from lm_geometry.workspace.hashes import path_hash, value_hash
from lm_geometry.workspace.section import ROOT
from lm_geometry.workspace.tree import WORKSPACE, Tree

if TYPE_CHECKING:
    import pandas as pd
    from datasets import Dataset

ONTOLOGY = "ontology.json"  # in the folder of private text
NAME_CHARACTERS = 64  # at most, of a name or label that is passed on where the text must not be


class Columns(TypedDict, total=False):
    """What can be learned from, a value per sequence; each as far as the corpus has it.

    `context` has the utterances before each, newest first. The last four are of user turns whose
    state the corpus tells, and empty for others: the state after the turn, the one before it, and
    what the system's turn before informed (JSON objects, slot to value), and the slots that the
    user asks for (a JSON list). Slots are named `domain-slot`, such as `hotel-price range`.
    """

    text: Required[list[str]]
    label: list[str]
    words: list[list[str]]
    tags: list[list[str]]
    result: list[int]
    context: list[list[str]]
    document: list[str]
    turn: list[int]
    speaker: list[str]
    state: list[str]
    state_before: list[str]
    informed: list[str]
    requested: list[str]


def shareable(document: str) -> str:
    """The name of a document of private text; its hash where it is so long that it may be text."""
    return document if len(document) <= NAME_CHARACTERS else value_hash(document)[:16]


def first_of(columns: Columns, sequences: int) -> Columns:
    """The first sequences of what can be learned from."""
    lists = cast("dict[str, list[str]]", columns)
    return cast("Columns", {name: values[:sequences] for name, values in lists.items()})


@dataclass(frozen=True)
class CorpusSplit:
    """One corpus split; `private` is the hash of a text that must not be passed on, or empty."""

    corpus: str
    split: str
    private: str = ""

    def folder(self, root: Path | None = None) -> Path:
        """Where its texts are: below `root` (data/corpora), or in the machine's own folder."""
        if self.private:
            return machine.private_texts() / self.private
        return (root or paths.CORPORA) / self.corpus / self.split

    def read(self) -> "pd.DataFrame":
        """Its sequences, with the columns `text` and `document` and those of the source."""
        return cast("pd.DataFrame", self.load(paths.CORPORA).to_pandas())

    def load(self, root: Path) -> "Dataset":
        """Its sequences below `root`; raises FileNotFoundError for text of another machine."""
        from datasets import Dataset, disable_caching

        disable_caching()
        folder = self.folder(root)
        if self.private and not folder.exists():
            raise FileNotFoundError(
                f"the text of {self.corpus} may not be passed on and is not on this machine: "
                "`dvc repro --force --single-item data-prep` prepares it here"
            )
        if self.private and path_hash(folder) != self.private:
            raise ValueError(
                f"the text of {self.corpus} in {folder} is damaged: "
                "`dvc repro --force --single-item data-prep` prepares it again"
            )
        return Dataset.load_from_disk(str(folder))


@dataclass(frozen=True)
class TrainingCorpus:
    """The corpus that a model is fine-tuned on, by its splits.

    These are `train`, `validation` and, where the corpus has one, `test`; none where nothing is
    trained. `ontology` has the slots
    of its dialogue states, each with the values that it may have, none where its source leaves them
    free; they are those of the states where no source lists any.
    """

    name: str
    splits: dict[str, CorpusSplit]
    equations: Equations | None = None  # what the corpus holds, where it was made and not read
    ontology: dict[str, list[str]] = field(default_factory=dict[str, list[str]])

    def columns(self, split: str) -> Columns:
        """What is learned from in one of its splits: `text`, and others of `Columns` where the
        corpus has them."""
        rows = self.splits[split].load(paths.TRAINING)
        learned = [name for name in Columns.__annotations__ if name in rows.column_names]
        return cast("Columns", {name: list(rows[name]) for name in learned})


@dataclass(frozen=True)
class EvaluatedCorpora:
    """The corpus splits whose states are compared, in the order of `data_prep.evaluate`.

    `order` is `paper` where tokens are drawn with the generators of the published code.
    """

    splits: list[CorpusSplit]
    order: str = "default"


def write_training(corpus: TrainingCorpus) -> None:
    """Record the training corpus; written last, for its texts are complete then.

    The ontology of private text is in the folder of its train split, `ONTOLOGY`, and not here.
    """
    equations = corpus.equations.model_dump() if corpus.equations else None
    splits = [asdict(split) for split in corpus.splits.values()]
    private = any(split.private for split in corpus.splits.values())
    ontology = {} if private else corpus.ontology
    index = {"equations": equations, "splits": splits, "ontology": ontology}
    if not splits:  # nothing is trained
        index["corpus"] = corpus.name
    write_json(paths.TRAINING / "index.json", index)


def write_evaluated(corpora: EvaluatedCorpora) -> None:
    """Record the compared splits; written last, for their texts are complete then."""
    write_json(paths.CORPORA / "index.json", asdict(corpora))


def read_training(tree: Tree = WORKSPACE) -> TrainingCorpus:
    """The corpus that data-prep prepared for fine-tuning."""
    index = tree.read_json(paths.TRAINING / "index.json")
    splits = [CorpusSplit(**entry) for entry in index["splits"]]
    equations = index["equations"] and Equations.model_validate(index["equations"])
    named = {split.split: split for split in splits}
    ontology = index.get("ontology", {})  # which earlier versions did not write
    if not splits:
        return TrainingCorpus(index["corpus"], {})
    private = splits[0].folder() / ONTOLOGY
    if splits[0].private and private.exists():
        ontology = read_json(private)
    return TrainingCorpus(splits[0].corpus, named, equations, ontology)


def training_columns(root: Path, name: str) -> list[str]:
    """The columns that can be learned from, where the training corpus of a project is `name`.

    Only what describes the texts is read. Empty where nothing is there, as of private text of
    another machine, or another corpus.
    """
    folder = root / paths.TRAINING.relative_to(ROOT)
    try:
        splits = [CorpusSplit(**entry) for entry in read_json(folder / "index.json")["splits"]]
        described = read_json(splits[0].folder(folder) / "dataset_info.json")["features"]
    except (OSError, ValueError, LookupError):
        return []
    own = splits[0].corpus == name
    return [column for column in Columns.__annotations__ if own and column in described]


def read_evaluated(tree: Tree = WORKSPACE) -> EvaluatedCorpora:
    """The corpus splits whose states are compared."""
    index = tree.read_json(paths.CORPORA / "index.json")
    return EvaluatedCorpora([CorpusSplit(**entry) for entry in index["splits"]], index["order"])
