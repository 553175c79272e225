from .null_models import KINDS as KINDS
from .null_models import Kind as Kind
from .null_models import surrogate as surrogate
from .swaps import PARTS as PARTS
from .swaps import Part as Part
from .swaps import swap as swap
