"""The processed data of SetSUMBT: token ids of all turns of each dialogue, filled up."""

from collections.abc import Iterator
from pathlib import Path

from lm_geometry.data_prep.corpora.catalogue import Corpus
from lm_geometry.data_prep.corpora.given_tokens import torch_files
from lm_geometry.data_prep.corpora.given_tokens.rows import GivenTokens, files_of
from lm_geometry.data_prep.corpora.given_tokens.trippy_processed import arrays
from lm_geometry.data_prep.corpora.rows import Row

FILES = "{split}.pt"
INSTEAD = (
    "a raw dataloader of SetSUMBT is code: save its input_ids and attention_mask "
    "[dialogues, turns, tokens] and its dialogue_ids as one dictionary with torch.save, where "
    "SetSUMBT is installed"
)


def rows(path: Path, entry: Corpus) -> Iterator[Row]:
    """A row per turn, but for turns of padding alone; columns document, turn, split, input_ids.

    The file is a dictionary of dialogue_ids `[dialogues]`, and input_ids and attention_mask
    `[dialogues, turns, tokens]`; in a folder they are train.pt, dev.pt and test.pt. Raises
    ValueError with what to do instead for the dataloaders themselves.
    """
    given = GivenTokens(entry)
    for split, file in files_of(path, FILES):
        try:
            found = torch_files.load(file)
        except torch_files.NotPlainError as error:
            raise ValueError(f"{error}; {INSTEAD}") from None
        identities, ids, masks = arrays(found, file, dimensions=3)
        for dialogue, identity in enumerate(identities):
            for turn in range(ids.shape[1]):
                where = f"{file}, dialogue {dialogue}, turn {turn}"
                own, mask = ids[dialogue, turn].tolist(), masks[dialogue, turn].tolist()
                made = given.row(where, own, mask)
                if made is not None:
                    yield {**made, "document": str(identity), "turn": turn, "split": split}
        given.tell(file)
