"""Words for units, currencies and languages.

In:  a word as written.
Out: whether it is one, and the one short name that its spellings share.
"""

import re
from collections.abc import Mapping

_UNITS = """
km kilometre kilometer kms
m metre meter
cm centimetre centimeter
mm millimetre millimeter
mi mile
yd yard
ft foot feet
inch inches
nmi nautical-mile
kg kilogram kilo kilogramme
g gram gramme
mg milligram
lb pound lbs
oz ounce
tonne ton
l litre liter
ml millilitre milliliter
gal gallon
pint pints
cup cups
c celsius centigrade \u00b0c
f fahrenheit \u00b0f
k kelvin
h hour hr hrs
min minute mins
s second sec secs
day days
week weeks
month months
year years
mph
kmh kph km/h
mps m/s
knot knots
kb kilobyte
mb megabyte
gb gigabyte
tb terabyte
kib kibibyte
mib mebibyte
gib gibibyte
byte bytes
bit bits
j joule
kj kilojoule
cal calorie
kcal kilocalorie
kwh
w watt
kw kilowatt
hp horsepower
pa pascal
psi
bar bars
atm atmosphere
hectare ha hectares
acre acres
radian rad radians
"""
_CURRENCIES = """
usd dollar us-dollar $ bucks
eur euro \u20ac
gbp sterling british-pound \u00a3
jpy yen \u00a5
chf franc
cad canadian-dollar
aud australian-dollar
cny yuan renminbi
inr rupee
sek
nok
dkk
pln zloty
brl real reais
mxn peso
pen sol soles
krw won
zar rand
try lira
nzd
sgd
hkd
"""
_LANGUAGES = """
en english
fr french
es spanish
de german
it italian
pt portuguese
nl dutch
sv swedish
no norwegian
da danish
fi finnish
pl polish
ru russian
uk ukrainian
tr turkish
el greek
ar arabic
he hebrew
hi hindi
zh chinese mandarin
ja japanese
ko korean
vi vietnamese
la latin
"""
# Too short to be a unit where no number stands before it.
_SHORT = "m g l c f k h s j w min no day month year cup bar real second k"
_ONLY_ATTACHED = frozenset(_SHORT.split())


def _read_table(text: str) -> Mapping[str, str]:
    table: dict[str, str] = {}
    for line in text.split("\n"):
        for word in line.split():
            table[word.replace("-", " ")] = line.split()[0]
    return table


_UNIT_TABLE = _read_table(_UNITS)
_CURRENCY_TABLE = _read_table(_CURRENCIES)
_LANGUAGE_TABLE = _read_table(_LANGUAGES)


def name_unit(text: str) -> str | None:
    """Return the short name of a unit or currency, e.g. `km` for `kilometres`; None if none."""
    word = re.sub(r"^degrees?\s+|^\u00b0\s*", "", text.strip().lower())
    if " per " in word:
        top, _, bottom = word.partition(" per ")
        found = name_unit(top), name_unit(bottom)
        joined = f"{found[0]}/{found[1]}"
        return (
            {"mi/h": "mph", "km/h": "kmh", "m/s": "mps"}.get(joined, joined) if all(found) else None
        )
    for form in (word, word.removesuffix("s"), word.removesuffix("es")):
        if form in _UNIT_TABLE:
            return _UNIT_TABLE[form]
        if form in _CURRENCY_TABLE:
            return _CURRENCY_TABLE[form]
    return None


def can_stand_alone(text: str) -> bool:
    """Return whether a unit is one even without a number before it."""
    return text.lower() not in _ONLY_ATTACHED


def name_currency(text: str) -> str | None:
    """Return the code of a currency, e.g. `USD` for `dollars`; None if it is none."""
    word = text.strip().lower()
    if word in {"pound", "pounds"}:
        return "GBP"
    for form in (word, word.removesuffix("s")):
        if form in _CURRENCY_TABLE:
            return _CURRENCY_TABLE[form].upper()
    return None


def name_language(text: str) -> str | None:
    """Return the code of a language, e.g. `fr` for `French`; None if it is none.

    Codes themselves are not read: "it", "no" and "he" are words.
    """
    word = text.strip().lower()
    return _LANGUAGE_TABLE.get(word) if len(word) > 2 else None
