"""Section `estimate`: which dimensions are estimated on each cloud."""

from typing import ClassVar, Literal

from pydantic import Field, model_validator

from lm_geometry.workspace.section import Section

LocalEstimator = Literal["twonn", "lpca", "mle"]
Library = Literal[
    "CorrInt", "DANCo", "ESS", "FisherS", "KNN", "MADA", "MiND_ML", "MOM", "PH", "TLE"
]
GlobalEstimator = Literal[LocalEstimator, "dadapy.twonn", "dadapy.gride", Library]
Rule = Literal["FO", "Fan", "maxgap", "ratio", "participation_ratio", "Kaiser", "broken_stick"]


class Lpca(Section):
    """Local principal component analysis, with the rules and constants of scikit-dimension."""

    rule: Rule = Field("FO", description="how many components count")
    constants: dict[str, float] = Field(
        {}, description="constants of the rule where not the usual ones, such as {alpha: 0.05}"
    )
    tokens: int | Literal["all"] = Field(
        500, description="estimated at the first so many tokens of a cloud"
    )


class Estimate(Section):
    """Which dimensions are estimated on each cloud."""

    name_in_params: ClassVar[str] = "estimate"

    estimators: list[LocalEstimator] = Field(
        ["twonn", "lpca"], min_length=1, description="local: a number per token"
    )
    n_neighbors: list[int | float] = Field(
        [64, 128], min_length=1, description="L; below 1 a fraction of the cloud"
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
        description="global: a number per cloud; ours, another of scikit-dimension by its name, or "
        "dadapy.twonn and dadapy.gride where DADApy is installed",
    )
    gride_range: int = Field(256, ge=0, description="largest GRIDE rank (a power of 2); 0: none")

    @model_validator(mode="after")
    def _dadapy_has_a_range(self) -> "Estimate":
        if "dadapy.gride" in self.global_estimators and not self.gride_range:
            raise ValueError("dadapy.gride reads up to gride_range, which is 0")
        return self
