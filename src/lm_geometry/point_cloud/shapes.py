"""Types of arrays with their shapes, for annotations such as `Float[np.ndarray, "tokens width"]`.

They are jaxtyping's where jaxtyping was imported before this package, which its pytest hook does:
beartype then checks every annotated array, and that axes of one name are equally long. Everywhere
else they stand for the array's type alone, so that shapes need nothing installed and cost nothing.
"""

import sys
from typing import TYPE_CHECKING, Union

import numpy as np

if TYPE_CHECKING:
    from typing import Annotated as Bool
    from typing import Annotated as Float
    from typing import Annotated as Float32
    from typing import Annotated as Float64
    from typing import Annotated as Int8
    from typing import Annotated as Int32
    from typing import Annotated as Int64
    from typing import Annotated as Integer
    from typing import Annotated as Real
    from typing import Annotated as Shaped
    from typing import Annotated as UInt64

    import torch
elif sys.modules.get("jaxtyping"):
    from jaxtyping import (
        Bool,
        Float,
        Float32,
        Float64,
        Int8,
        Int32,
        Int64,
        Integer,
        Real,
        Shaped,
        UInt64,
    )
else:

    class _Unchecked:
        def __class_getitem__(cls, array_and_shape: tuple[type, str]) -> type:
            return array_and_shape[0]

    Bool = Float = Float32 = Float64 = Int8 = Int32 = Int64 = Integer = Real = Shaped = UInt64 = (
        _Unchecked
    )

# numpy (a memmap as well) or torch on any device, `[tokens, width]`, float16 to float64
PointCloud = Union[np.ndarray, "torch.Tensor"]

__all__ = [
    "Bool",
    "Float",
    "Float32",
    "Float64",
    "Int8",
    "Int32",
    "Int64",
    "Integer",
    "PointCloud",
    "Real",
    "Shaped",
    "UInt64",
]
