from .kinds import KINDS as KINDS
from .kinds import Kind as Kind
from .null_models import NullModel as NullModel
from .null_models import null_model as null_model
from .null_models import surrogate as surrogate
from .swaps import PARTS as PARTS
from .swaps import Part as Part
from .swaps import swap as swap
