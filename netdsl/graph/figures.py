"""Large numbers as people read them."""

from __future__ import annotations

UNITS = "kMGTPEZY"


def figure(number: int) -> str:
    """A large number in three digits and a unit of thousands.

    >>> figure(4_089_184_256), figure(416_520), figure(84)
    ('4.09 G', '417 k', '84')
    """
    if number < 1000:
        return str(number)
    power = 1
    while number >= 999.5 * 1000**power and power < len(UNITS):
        power += 1
    value = number / 1000**power
    decimals = 2 if value < 9.995 else 1 if value < 99.95 else 0
    return f"{value:.{decimals}f} {UNITS[power - 1]}"
