"""Section `estimate`: which dimensions are estimated on each cloud."""

from typing import ClassVar, Literal

from pydantic import Field, field_validator, model_validator

from lm_geometry.outs.embed.exclusion import NONE, kinds_of
from lm_geometry.surrogates.kinds import Kind
from lm_geometry.workspace.layers import Several
from lm_geometry.workspace.section import Section
from lm_geometry.workspace.signals import ALL, Signal

LocalEstimator = Literal["twonn", "lpca", "mle"]
Library = Literal[
    "CorrInt", "DANCo", "ESS", "FisherS", "KNN", "MADA", "MiND_ML", "MOM", "PH", "TLE"
]
GlobalEstimator = Literal[
    LocalEstimator,
    "l2n2",
    "bayesian_twonn",
    "binomial",
    "correlation",
    "ca_pca",
    "dadapy.twonn",
    "dadapy.gride",
    Library,
]
Rule = Literal["FO", "Fan", "maxgap", "ratio", "participation_ratio", "Kaiser", "broken_stick"]


class Jackknife(Section):
    """Documents that are left out together, as tokens and as neighbours, behind intervals."""

    groups: int = Field(
        10,
        ge=0,
        le=61,
        description="of documents, dealt at random; fewer documents make fewer; "
        "0: none, and intervals that take every neighbourhood as given, which are too narrow",
    )
    seed: int = Field(0, ge=0, description="which documents make a group")

    @field_validator("groups")
    @classmethod
    def _one_group_is_none(cls, groups: int) -> int:
        if groups == 1:
            raise ValueError("one group is all documents: at least 2 are needed, or 0 for none")
        return groups


class Lpca(Section):
    """Local principal component analysis, with the rules and constants of scikit-dimension."""

    rule: Rule = Field("FO", description="how many components count")
    constants: dict[str, float] = Field(
        {}, description="constants of the rule where not the usual ones, such as {alpha: 0.05}"
    )
    tokens: int | Literal["all"] = Field(
        500, description="estimated at the first so many tokens of a cloud"
    )


class Surrogates(Section):
    """Null models, whose surrogates are estimated beside clouds."""

    kinds: list[Kind] = Field(
        [],
        description="what a surrogate keeps of its cloud (docs/what-the-number-means.md); [] none. "
        "A draw takes as long as the cloud's own graph, of exchanged_residuals twice that",
    )
    layers: Several | Literal["all"] = Field(
        "all", description="whose clouds have null models: numbers, last, shares of the depth | all"
    )
    checkpoints: Literal["last", "all"] = Field(
        "all", description="last: base and the last one, the two that figures compare | all"
    )
    estimators: list[LocalEstimator] | Literal["all"] = Field(
        "all", description="of estimate.estimators, those that read surrogates | all"
    )
    draws: int = Field(
        10, ge=2, description="surrogates of each kind; their spread is in intervals"
    )
    seed: int = Field(0, ge=0, description="which draws")


class Estimate(Section):
    """Which dimensions are estimated on each cloud."""

    name_in_params: ClassVar[str] = "estimate"

    estimators: list[LocalEstimator] = Field(
        ["twonn", "lpca"], min_length=1, description="local: a number per token"
    )
    n_neighbors: list[int | float] = Field(
        [64, 128], min_length=1, description="L; below 1 a fraction of the cloud"
    )
    exclude: list[str] = Field(
        ["document", NONE],
        min_length=1,
        description="readings: whose tokens do not count as neighbours of each other, in a "
        "neighbourhood neither: sequence, document, token (of one kind), or several joined as "
        "document+token; none as published. Figures show the first",
    )
    reference: Literal["sample"] | float = Field(
        "sample",
        description="among which tokens neighbours are searched: sample, those of the cloud; 1.0 "
        "(all) or another share of embed.queries.references: all that was embedded",
    )
    jackknife: Jackknife = Field(
        default_factory=lambda: Jackknife.model_validate({}),
        description="intervals over documents",
    )
    search: Literal["exact", "int8", "approximate"] = Field(
        "exact",
        description="of neighbours; int8 and approximate (above 200,000 tokens) are faster and may "
        "miss some: column recall of the table `global` says how many were found",
    )
    cdf: Literal["i/n", "(i-1)/n"] = Field(
        "i/n", description="TwoNN's empirical CDF; (i-1)/n is scikit-dimension 0.3.4's"
    )
    fit: Literal["linear", "mle"] = Field("linear", description="fit of TwoNN's ratios")
    discard: float = Field(0.1, ge=0, lt=1, description="share of largest ratios left out")
    lpca: Lpca = Field(default_factory=lambda: Lpca.model_validate({}), description="lPCA")
    global_estimators: list[GlobalEstimator] = Field(
        ["twonn"],
        description="global: a number per cloud; ours (docs/estimators.md), another of "
        "scikit-dimension by its name, or dadapy.twonn and dadapy.gride where there is DADApy",
    )
    signals: list[Signal] = Field(
        ALL,
        description="other numbers of a cloud, each beside its number of massive tokens; [] none",
    )
    gride_range: int = Field(256, ge=0, description="largest GRIDE rank (a power of 2); 0: none")
    surrogates: Surrogates = Field(
        default_factory=lambda: Surrogates.model_validate({}),
        description="null models beside each cloud",
    )

    @field_validator("exclude")
    @classmethod
    def _readings_exist(cls, exclude: list[str]) -> list[str]:
        for reading in exclude:
            kinds_of(reading)
        return exclude

    @model_validator(mode="after")
    def _dadapy_has_a_range(self) -> "Estimate":
        if "dadapy.gride" in self.global_estimators and not self.gride_range:
            raise ValueError("dadapy.gride reads up to gride_range, which is 0")
        return self
