"""Array types shared by the whole package: shape and dtype stand in the annotation, checked when the tests run."""

from jaxtyping import Bool, Float32, Float64, Int32, Int64, UInt8, UInt16, UInt32
from numpy import ndarray as Array

__all__ = ["Array", "Bool", "Float32", "Float64", "Int32", "Int64", "UInt8", "UInt16", "UInt32"]
