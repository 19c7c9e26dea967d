"""Student's t and the normal distribution, without SciPy.

Owns: distribution functions and quantiles. Does not own: what is done with them (`equivalence`).
"""

from __future__ import annotations

import functools
import math

NEARLY = 1e-3
NEARLY_FROM = 3.0


def t_cdf(t: float, df: float) -> float:
    """P(T <= t) for Student's t with `df` > 0 degrees of freedom (they need not be whole)."""
    if t == 0.0:
        return 0.5
    tail = 0.5 * incomplete_beta(df / 2.0, 0.5, df / (df + t * t))
    return 1.0 - tail if t > 0 else tail


@functools.lru_cache(maxsize=4096)
def t_quantile(p: float, df: float) -> float:
    """The t with P(T <= t) = p, for 0 < p < 1 and df > 0. ValueError outside of that."""
    if not (0.0 < p < 1.0 and df > 0.0):
        raise ValueError("t_quantile wants 0 < p < 1 and df > 0")
    if p == 0.5:
        return 0.0
    tail = min(p, 1.0 - p)
    t = _upper_quantile(tail, df)
    return t if p > 0.5 else -t


def t_quantile_nearly(p: float, df: float) -> float:
    """The same without a search: the expansion of Cornish and Fisher to its fourth term.

    (Abramowitz and Stegun 26.7.5.) From p = 0.9 to 0.95 it is off by less than `NEARLY` of itself
    where df >= `NEARLY_FROM`.
    """
    z = normal_quantile(p)
    z2 = z * z
    first = (z2 + 1.0) / 4.0
    second = ((5.0 * z2 + 16.0) * z2 + 3.0) / 96.0
    third = (((3.0 * z2 + 19.0) * z2 + 17.0) * z2 - 15.0) / 384.0
    fourth = ((((79.0 * z2 + 776.0) * z2 + 1482.0) * z2 - 1920.0) * z2 - 945.0) / 92160.0
    return z * (1.0 + (first + (second + (third + fourth / df) / df) / df) / df)


def _upper_quantile(tail: float, df: float) -> float:
    """The t > 0 with P(T > t) = tail, by Newton's steps kept inside a bracket."""
    low, high = 0.0, math.inf
    t = t_quantile_nearly(1.0 - tail, df)
    for _ in range(300):
        excess = t_cdf(-t, df) - tail
        if excess > 0:
            low = t
        else:
            high = t
        step = t + excess / _t_density(t, df)
        new = step if low < step < high else min(0.5 * (low + high), 2.0 * t)
        if abs(new - t) <= 1e-9 * abs(new):  # each step squares what is left
            return new
        t = new
    return t


def _t_density(t: float, df: float) -> float:
    log_constant = math.lgamma((df + 1) / 2) - math.lgamma(df / 2) - 0.5 * math.log(df * math.pi)
    return math.exp(log_constant - (df + 1) / 2 * math.log1p(t * t / df))


def incomplete_beta(a: float, b: float, x: float) -> float:
    """The regularised incomplete beta function I_x(a, b) for a, b > 0 and 0 <= x <= 1."""
    if x <= 0.0 or x >= 1.0:
        return 0.0 if x <= 0.0 else 1.0
    log_front = math.lgamma(a + b) - math.lgamma(a) - math.lgamma(b)
    front = math.exp(log_front + a * math.log(x) + b * math.log1p(-x))
    # The fraction converges fast on this side of the mean only; the symmetry gives the other.
    if x < (a + 1.0) / (a + b + 2.0):
        return front * _beta_fraction(a, b, x) / a
    return 1.0 - front * _beta_fraction(b, a, 1.0 - x) / b


def _beta_fraction(a: float, b: float, x: float) -> float:
    """The continued fraction of I_x(a, b) by Lentz's method (Abramowitz and Stegun 26.5.8)."""
    tiny = 1e-300
    c, d = 1.0, 1.0 / ((1.0 - (a + b) * x / (a + 1.0)) or tiny)
    h = d
    for m in range(1, 100000):
        at = a + 2 * m
        even = m * (b - m) * x / ((at - 1.0) * at)
        odd = -(a + m) * (a + b + m) * x / (at * (at + 1.0))
        d = 1.0 / ((1.0 + even * d) or tiny)
        c = (1.0 + even / c) or tiny
        h *= d * c
        d = 1.0 / ((1.0 + odd * d) or tiny)
        c = (1.0 + odd / c) or tiny
        delta = d * c
        h *= delta
        if abs(delta - 1.0) < 1e-16:
            break
    return h


def normal_cdf(z: float) -> float:
    """P(Z <= z) for the standard normal distribution."""
    return 0.5 * math.erfc(-z / math.sqrt(2.0))


@functools.lru_cache(maxsize=64)
def normal_quantile(p: float) -> float:
    """The z with Phi(z) = p, for 0 < p < 1. ValueError outside of that."""
    if not 0.0 < p < 1.0:
        raise ValueError("normal_quantile wants 0 < p < 1")
    tail = min(p, 1.0 - p)
    low, high = 0.0, 40.0
    for _ in range(200):
        z = 0.5 * (low + high)
        if normal_cdf(-z) > tail:
            low = z
        else:
            high = z
    z = 0.5 * (low + high)
    return z if p > 0.5 else -z
