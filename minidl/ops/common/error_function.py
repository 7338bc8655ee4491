"""The error function, which NumPy does not have. gelu needs it.

Source: W. J. Cody, "Rational Chebyshev approximations for the error function", Mathematics of Computation 23
(1969), 631-637: three quotients of polynomials, each good to about 1e-16 in its own range of |x|.
"""

from __future__ import annotations

import math

import numpy as np

# Coefficients, highest power first, so that Horner's rule reads them from the left.
# |x| <= 0.46875:     erf(x) = x P(x^2) / Q(x^2)
SMALL_P = (1.85777706184603153e-1, 3.16112374387056560e0, 1.13864154151050156e2, 3.77485237685302021e2,
           3.20937758913846947e3)  # fmt: skip
SMALL_Q = (1.0, 2.36012909523441209e1, 2.44024637934444173e2, 1.28261652607737228e3, 2.84423683343917062e3)
# 0.46875 < |x| <= 4: 1 - erf(|x|) = exp(-x^2) P(|x|) / Q(|x|)
MIDDLE_P = (2.15311535474403846e-8, 5.64188496988670089e-1, 8.88314979438837594e0, 6.61191906371416295e1,
            2.98635138197400131e2, 8.81952221241769090e2, 1.71204761263407058e3, 2.05107837782607147e3,
            1.23033935479799725e3)  # fmt: skip
MIDDLE_Q = (1.0, 1.57449261107098347e1, 1.17693950891312499e2, 5.37181101862009858e2, 1.62138957456669019e3,
            3.29079923573345963e3, 4.36261909014324716e3, 3.43936767414372164e3,
            1.23033935480374942e3)  # fmt: skip
# |x| > 4:            1 - erf(|x|) = exp(-x^2) / |x| (1 / sqrt(pi) - z P(z) / Q(z)),   z = 1 / x^2
LARGE_P = (1.63153871373020978e-2, 3.05326634961232344e-1, 3.60344899949804439e-1, 1.25781726111229246e-1,
           1.60837851487422766e-2, 6.58749161529837803e-4)  # fmt: skip
LARGE_Q = (1.0, 2.56852019228982242e0, 1.87295284992346047e0, 5.27905102951428412e-1, 6.05183413124413191e-2,
           2.33520497626869185e-3)  # fmt: skip
SMALL, LARGE = 0.46875, 4.0
CHUNK = 1 << 15  # cells at a time: the thirty passes over them stay in the processor's cache
ONE = 6.0  # erf(6) = 1 - 2e-17 is 1 in float64; stopping there keeps x^2 from overflowing


def erf(x: np.ndarray) -> np.ndarray:
    """Return the error function of each cell, 2 / sqrt(pi) times the integral of exp(-t^2) from 0 to x.

    Parameters
    ----------
    x : float32 or float64 array of any shape

    Returns
    -------
    array of `x`'s shape and dtype, within a few units of its last place

    >>> erf(np.array([-1.0, 0.0, 0.5, 2.0])).round(6)
    array([-0.842701,  0.      ,  0.5205  ,  0.995322])
    """
    size = np.minimum(np.abs(x), ONE).ravel()  # a NaN stays NaN
    y = np.empty_like(size)
    for start in range(0, size.size, CHUNK):
        part = slice(start, start + CHUNK)
        y[part] = _erf_not_negative(size[part])
    return np.asarray(np.copysign(y.reshape(x.shape), x), dtype=x.dtype)


def _erf_not_negative(x: np.ndarray) -> np.ndarray:
    # The two nearer forms are computed everywhere and joined by a mask: faster than picking cells out and back.
    small, large = x <= SMALL, x > LARGE
    y = 1.0 - _erfc_middle(x)
    y *= ~small
    y += _erf_small(x) * small
    if large.any():
        y[large] = 1.0 - _erfc_large(x[large])
    return y


def _erf_small(x: np.ndarray) -> np.ndarray:
    z = x * x
    return x * _horner(SMALL_P, z) / _horner(SMALL_Q, z)


def _erfc_middle(x: np.ndarray) -> np.ndarray:
    return np.exp(-x * x) * _horner(MIDDLE_P, x) / _horner(MIDDLE_Q, x)


def _erfc_large(x: np.ndarray) -> np.ndarray:
    z = 1.0 / (x * x)
    return np.exp(-x * x) / x * (1.0 / math.sqrt(math.pi) - z * _horner(LARGE_P, z) / _horner(LARGE_Q, z))


def _horner(coefficients: tuple[float, ...], x: np.ndarray) -> np.ndarray:
    """Return the polynomial's value: ((c0 x + c1) x + c2) x + …"""
    total = np.full_like(x, coefficients[0])
    for coefficient in coefficients[1:]:
        total *= x
        total += coefficient
    return total
