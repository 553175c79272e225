"""What each table of `lm-geometry table` holds, what its columns mean, and why one may be empty.

The tables are those of `aggregate.tables.ALL`, which takes seconds to import.
"""

TABLES = {
    "means": "mean of every estimate: by checkpoint, corpus, layer, L and reading",
    "changes": "change of each mean since base, token by token",
    "differences": "change on the corpus trained on less that on a control",
    "losses": "mean loss of every checkpoint on every corpus",
    "global": "global dimensions and signals of each cloud",
    "correlations": "of local dimensions with losses, by token, sequence and corpus",
    "groups": "mean local dimension by token, label or part of speech",
    "clusters": "clusters of local dimensions, with their commonest tokens",
    "scores": "means beside the task's scores at each checkpoint",
    "heuristic": "does a change of the dimension tell a later change of a score?",
    "remainders": "what null models read of each mean, change and difference, and the rest",
    "prompt_means": "mean over prompts, by layer, of all that is measured of them",
    "prompt_changes": "shuffled prompts less the same ones as they are",
    "prompt_peaks": "the layer where the dimension of prompts is largest",
    "prompt_shuffles": "a row for each S: how losses, peaks and overlaps change",
    "prompt_correlations": "of what is measured of prompts with their losses",
}
COLUMNS = {
    "adjusted_null_p_value": "null_p_value after Benjamini and Hochberg over the layers",
    "adjusted_p_value": "p_value after Benjamini and Hochberg over the layers of the table",
    "against": "the shuffle that is subtracted",
    "checkpoint": "base, or the optimiser step",
    "cluster": "number of the cluster, from the smallest dimensions on",
    "clouds": "draws of the cloud (token_sample.seeds) that the mean is over",
    "control": "the corpus whose change is subtracted",
    "corpus": "name of the corpus",
    "correlation": "coefficient by method",
    "cosine": "mean cosine over all pairs of tokens, at the last layer",
    "cosine_at_peak": "mean cosine at the layer of the peak",
    "count": "how often the cluster has that token",
    "degrees": "degrees of freedom of the interval (Student's t)",
    "dimension_at_peak": "largest mean dimension over the layers",
    "dimension_last": "mean dimension at the last layer",
    "documents": "documents that the tokens are from",
    "draws": "surrogates of the null model",
    "error": "how the interval was made: jackknife, clustered, clouds or bootstrap",
    "estimator": "local (twonn, lpca, mle) or global estimator, or signal of a cloud",
    "exclude": "reading: which neighbours do not count (document, token); none, as published",
    "first": "mean dimension at the first layer",
    "given": "what is held fixed (partial correlation)",
    "group": "the token, label or part of speech",
    "grouping": "what groups are by: token, label, tag, part_of_speech",
    "k": "neighbours of an overlap; clusters asked for",
    "largest": "largest dimension in the cluster",
    "last": "mean dimension at the last layer",
    "layer": "hidden state: 0 embeddings, i after block i",
    "layer_2": "layer of the peak at scale 2; so layer_4 and layer_8",
    "layer_4": "layer of the peak at scale 4",
    "layer_8": "layer of the peak at scale 8",
    "level": "token, cloud (global); of correlations token, sequence or corpus",
    "loss": "mean loss of prompts, in nat a token",
    "loss_deviation": "standard deviation of that loss over prompts",
    "lower": "lower end of the interval (aggregate.confidence)",
    "lower_quartile": "quarter of the prompts peak below this layer",
    "mean": "the estimate: mean dimension, change, difference or loss",
    "mean_of_peaks": "mean over prompts of the largest dimension of each",
    "median": "median of the values",
    "median_layer": "half of the prompts peak below this layer",
    "method": "pearson, spearman or kendall",
    "missing": "why a row has no value",
    "model": "name of the model",
    "n_neighbors": "L, neighbours of a token; below 1 a share of the cloud",
    "null_p_value": "of what was measured being one more draw of the null model",
    "of": "mean, change or difference, whose remainder it is",
    "overlap_1": "shared nearest neighbours of layers that follow, k = 1; so overlap_2 … 31",
    "overlap_2": "the same for k = 2",
    "overlap_4": "the same for k = 4",
    "overlap_8": "the same for k = 8",
    "overlap_31": "the same for k = 31",
    "overlap_at_peak": "overlap at the layer of the peak",
    "p_value": "of no change, two-sided",
    "pairs": "pairs of values that are correlated",
    "peak_2": "largest mean dimension at scale 2",
    "peak_4": "the same at scale 4",
    "peak_8": "the same at scale 8",
    "points": "tokens of a cloud; of lpca those at which it was estimated",
    "prompts": "prompts that the row is over",
    "quantity": "dimension, overlap, cosine, angle, reciprocity or loss",
    "real": "what was measured; real_lower and real_upper are its interval",
    "real_lower": "its lower end",
    "real_upper": "its upper end",
    "recall": "share of the nearest neighbours that the search found",
    "resampled": "what was drawn anew for the interval",
    "rows": "rows that are correlated",
    "runs": "training runs that the row is over",
    "sampling_seed": "which draw of the cloud",
    "scale": "neighbour rank of GRIDE; empty elsewhere",
    "score": "accuracy, F1, loss … of the task",
    "score_corpus": "the corpus that the score is of",
    "score_split": "the split that the score is of",
    "score_value": "the score itself",
    "share_up": "share of the prompts that went up",
    "shuffle": "S: 4**S blocks in random order; 0, the text as it is",
    "signal": "what is to tell the score: dimension or loss",
    "since": "change since base, or since the previous checkpoint",
    "smallest": "smallest dimension in the cluster",
    "split": "train, validation, test or dev",
    "standard_deviation": "of the single values",
    "standard_error": "of the mean",
    "standardised_by_documents": "change over the deviation between documents",
    "standardised_by_tokens": "change over the deviation between tokens",
    "surrogate": "the null model (estimate.surrogates.kinds)",
    "surrogate_deviation": "standard deviation of what its draws read",
    "surrogate_mean": "mean of what its draws read",
    "token": "the token",
    "tokens": "tokens in the cluster",
    "undefined": "tokens without a value, as of identical neighbours",
    "until": "score's gain until the next, or the last checkpoint",
    "upper": "upper end of the interval",
    "upper_quartile": "three quarters of the prompts peak below this layer",
    "value": "the estimate",
    "values": "tokens, or clouds, that the mean is over",
}
EMPTY = {
    "changes": "no checkpoint but base was embedded: finetune.task is none, or there are no steps",
    "differences": "it needs a checkpoint beside base, and a second corpus in data_prep.evaluate",
    "losses": "embed.loss is false, or the model has no head of language",
    "correlations": "it needs losses of tokens (embed.loss)",
    "groups": "no group has aggregate.groups.fewest_tokens, or the texts may not be passed on",
    "clusters": "aggregate.clusters.counts is empty, or the texts may not be passed on",
    "scores": "the task has no scores: nothing was trained, and none were recorded",
    "heuristic": "it needs scores at two checkpoints or more",
    "remainders": "no null models were drawn: estimate.surrogates.kinds is []",
}
NO_CORPORA = "no corpus was compared: data_prep.evaluate names none"
NO_PROMPTS = "no prompts were drawn: data_prep.prompts.count is 0, or too few for it"


def reason(table: str) -> str:
    """Why a table may have no rows."""
    return NO_PROMPTS if table.startswith("prompt_") else EMPTY.get(table, NO_CORPORA)


def explained(columns: list[str]) -> str:
    """A line for each column."""
    width = max(map(len, columns), default=0)
    return "\n".join(f"{name:<{width}}  {COLUMNS.get(name, '')}".rstrip() for name in columns)


def told() -> str:
    """The tables and all their columns, for the end of a command's help."""
    lines = ["Tables:", *(f"  {name:<20} {what}" for name, what in TABLES.items())]
    lines += [
        "",
        "\b",
        "Columns:",
        *(f"  {line}" for line in explained(sorted(COLUMNS)).split("\n")),
    ]
    return "\b\n" + "\n".join(lines)
