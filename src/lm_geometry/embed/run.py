"""Hidden states of every checkpoint, corpus split and layer of a pipeline run."""

from collections.abc import Sequence

from transformers import PreTrainedTokenizerBase

from lm_geometry.embed.embedding import Embedding, name_of
from lm_geometry.embed.equations import equation_tokens
from lm_geometry.embed.modes import check_mode
from lm_geometry.embed.params import Embed
from lm_geometry.embed.prompts.run import prompt_run
from lm_geometry.embed.queries.run import QueryRun
from lm_geometry.embed.streaming import Streaming
from lm_geometry.embed.token_table import TokenisedCorpus, refuse_texts, tokenise
from lm_geometry.models.as_recorded import refuse_replaced
from lm_geometry.models.load import load_tokenizer
from lm_geometry.outs.data_prep.corpora import CorpusSplit, read_evaluated
from lm_geometry.outs.data_prep.model import ModelSource, read_model_source
from lm_geometry.outs.finetune.checkpoints import read_checkpoints, with_sizes
from lm_geometry.workspace import machine
from lm_geometry.workspace.hashes import path_hash
from lm_geometry.workspace.seeds import read_seed, stream
from lm_geometry.workspace.work import Execute, Work, finish, in_order


def run(execute: Execute = in_order) -> None:
    """Write the hidden states of corpora, and the records of prompts, as params.yaml says.

    `execute` has the cells computed; a part of them (`LM_GEOMETRY_SHARD`) is left in scratch.
    """
    source, settings = with_sizes(read_model_source()), Embed.read()
    if not source.source.startswith("hub:"):
        refuse_replaced(source)  # its tokenizer, too, which is read next
    works = [embedding(source, settings, read_seed()), prompt_run(source, settings)]
    refuse_where_computed(source, works)
    finish("embed", works, execute)


def refuse_where_computed(source: ModelSource, works: Sequence[Work]) -> None:
    """As `refuse_replaced`, of a model of the hub, where a cell is left to be computed of it.

    Once for all workers: each would read the weights from end to end.
    """
    if machine.is_worker() or not source.source.startswith("hub:"):
        return
    if not all(cell.is_recorded() for work in works for cell in work.cells):
        refuse_replaced(source)


def embed(source: ModelSource, settings: Embed, seed: int, execute: Execute = in_order) -> None:
    """Write data/hidden_states, data/losses and the token tables of a pipeline run.

    A cell is one (checkpoint, corpus split, shard). Finished cells outlive an interruption. Raises
    ValueError where `embed.mode` does not fit the model, or a column not the corpus.
    """
    finish("embed", [embedding(source, settings, seed)], execute)


def embedding(source: ModelSource, settings: Embed, seed: int) -> Embedding | Streaming:
    """The forward passes over all corpora, of which nothing is computed yet; as `embed`."""
    checkpoints = {one.name: one for one in read_checkpoints(settings.checkpoints)}
    tokenizer = None if source.kind == "arithmetic" else load_tokenizer(source)
    check_mode(source, settings, tokenizer)
    evaluated = read_evaluated()
    texts = {name_of(s): s.private or path_hash(s.folder()) for s in evaluated.splits}
    first = source.reads_onwards
    corpora = {s: _tokenised(tokenizer, settings, s, seed, first) for s in evaluated.splits}
    queries = QueryRun.of(corpora, settings, seed)
    given = (source, settings, seed, tokenizer, checkpoints, evaluated, corpora, texts, queries)
    passes = Embedding(*given)
    work = Streaming(passes) if queries.streamed else passes
    work.print_needs()
    return work


def _tokenised(
    tokenizer: PreTrainedTokenizerBase | None,
    settings: Embed,
    split: CorpusSplit,
    seed: int,
    context_first: bool,
) -> TokenisedCorpus:
    generator = stream(seed, "embed", split.corpus, split.split)
    try:
        if tokenizer is None:
            return equation_tokens(split.read(), settings, generator)
        corpus = tokenise(split.read(), tokenizer, settings, generator, context_first)
        if split.private:
            refuse_texts(corpus.kept, ["label", *settings.columns])
    except ValueError as error:
        raise ValueError(f"{name_of(split)}: {error}") from None
    return corpus
