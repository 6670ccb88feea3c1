"""Units are converted exactly in decimals, and never between kinds."""

import pytest

from agentkit import ToolError
from agentkit_tools.units import convert_units

CONVERSIONS = {
    (26.2, "miles", "kilometres"): "26.2 miles = 42.1648128 kilometres",
    (100, "F", "C"): "100 F ≈ 37.7777777777778 C",
    (32, "degrees fahrenheit", "degrees celsius"): "32 degrees fahrenheit = 0 degrees celsius",
    (20, "°C", "K"): "20 °C = 293.15 K",
    (1, "F", "coulomb/volt"): "1 F = 1 coulomb/volt",
    (60, "mph", "kmh"): "60 mph = 96.56064 kmh",
    (1, "sq ft", "m^2"): "1 sq ft = 0.09290304 m^2",
    (3, "cubic metres", "litres"): "3 cubic metres = 3000 litres",
    (1, "Mile", "KM"): "1 Mile = 1.609344 KM",
    (0, "m", "km"): "0 m = 0 km",
    (1e300, "m", "km"): "1E+300 m = 1E+297 km",
    (1, "kg m/s^2", "N"): "1 kg m/s^2 = 1 N",
    (1, "light years", "km"): "1 light years = 9460730472580.8 km",
    (1, "UK gallon", "litres"): "1 UK gallon = 4.54609 litres",
    (1, "us gallon", "litres"): (
        "1 us gallon = 3.785411784 litres (gallon is taken as the US gallon)"
    ),
}

REFUSED = {
    (1, "m", "s"): "'m' measures length and 's' time",
    (1, "m", "%"): "a plain number",
    (1, "USD", "EUR"): "is not a unit that is known",
    (1, "metr", "m"): "did you mean metre",
    (1, "2*m", "m"): "no numbers",
    (1, "m**99", "m"): "no numbers",
    (1, "", "m"): "is not a unit",
    (-300, "C", "K"): "below absolute zero",
    (5, "dB", "m/m"): "cannot be converted",
}


@pytest.mark.parametrize(
    ("given", "expected"),
    CONVERSIONS.items(),
    ids=[" ".join(map(str, each)) for each in CONVERSIONS],
)
def test_a_value_is_converted(given: tuple[float, str, str], expected: str) -> None:
    """The result states how a unit with two meanings was read."""
    assert convert_units(*given) == expected


@pytest.mark.parametrize(
    ("given", "words"), REFUSED.items(), ids=[" ".join(map(str, each)) for each in REFUSED]
)
def test_an_impossible_conversion_is_an_error(given: tuple[float, str, str], words: str) -> None:
    """The message names the unit."""
    with pytest.raises(ToolError) as caught:
        convert_units(*given)

    assert words in str(caught.value)
