"""The estimate, compared with the tokenizer it stands in for."""

# ruff: noqa: RUF001 - samples of other scripts look like Latin letters here and there

import base64
import hashlib
import json
from typing import Any

import pytest
from mistral_common.tokens.tokenizers.mistral import MistralTokenizer

from agentkit.model import token_estimate
from agentkit.model.token_estimate import estimate_tokens

CODE = '''
async def execute_calls(calls: Sequence[ReadyCall], *, concurrency: int) -> list[ToolResult]:
    """Run `calls` side by side and return their results in the order given."""
    limiter = anyio.CapacityLimiter(concurrency)
    if not calls:
        return []
    return [result for result in results if result["ok"] != None and not x[0].is_error]
'''
TOOLS = [
    {
        "type": "function",
        "function": {
            "name": f"get_weather_{number}",
            "description": "Return the weather of a city, in degrees and words.",
            "parameters": {"type": "object", "properties": {"city": {"type": "string"}}},
        },
    }
    for number in range(5)
]
DIGESTS = [hashlib.sha256(bytes([number])).digest() for number in range(50)]

SAMPLES = {
    "english": "The estimate stands in for the tokenizer wherever that is not installed. It must "
    "not promise room that isn't there, and it should not waste much of it either. ",
    "capitals": "DO NOT PROMISE ROOM THAT IS NOT THERE AND DO NOT WASTE ANY OF IT EITHER. ",
    "code": CODE,
    "json": json.dumps(TOOLS),
    "compact json": json.dumps(TOOLS, separators=(",", ":")),
    "indented json": json.dumps(TOOLS, indent=2),
    "numbers": "12.5, 640; 1764 -3.25e7 (2026-11-21 11:18:01)\n",
    "table": "| a | b |\n|---|---|\n| 1 | 22 |\n",
    "html": '<div class="row"><a href="https://example.com/x?y=1&z=2">Link</a></div>\n',
    "base64": base64.b64encode(b"".join(DIGESTS)).decode(),
    "hex": " ".join(digest.hex() for digest in DIGESTS),
    "single letters": "a b c d e f g h ",
    "marks": "!@#$%^&*()_+-={}[]|:;<>,.?/~`",
    "blanks": "a    b\n\n\n  c\t\td                        e\n",
    "french": "L'été dernier, nous avons visité plusieurs châteaux près de la Loire. ",
    "german": "Die Geschwindigkeitsbegrenzung wurde für schwere Lastkraftwagen geändert. ",
    "turkish": "Kahve makinesinin içindeki süzgeç değiştirilmeden önce şişeyi çıkarın. ",
    "polish": "Zażółć gęślą jaźń, powiedział chłopiec z małego miasteczka pod Łodzią. ",
    "vietnamese": "Hôm nay trời đẹp, chúng tôi đi dạo quanh hồ và uống cà phê sữa đá. ",
    "russian": "Вчера вечером мы долго гуляли по набережной и пили чай с вареньем. ",
    "greek": "Χθες το βράδυ περπατήσαμε στην παραλία και μιλήσαμε για βιβλία. ",
    "hebrew": "אתמול הלכנו לשוק וקנינו לחם ופירות ואחר כך חזרנו הביתה. ",
    "arabic": "ذهبنا أمس إلى السوق واشترينا الخبز والفاكهة ثم عدنا إلى البيت. ",
    "hindi": "कल हम बाज़ार गए और फल और रोटी खरीदी, फिर घर लौट आए। ",
    "thai": "เมื่อวานเราไปตลาดและซื้อขนมปังกับผลไม้แล้วกลับบ้าน ",
    "chinese": "昨天我们去市场买了面包和水果，然后回家做晚饭。这个函数返回用户的当前位置。",
    "japanese": "昨日は市場へ行ってパンと果物を買い、それから家に帰りました。",
    "korean": "어제 우리는 시장에 가서 빵과 과일을 사고 집으로 돌아왔습니다. ",
    "emoji": "🎉🚀 ok 👍🏽 👨‍👩‍👧‍👦 ❤️ ",
}  # fmt: skip
USUAL = ("english", "code", "json", "compact json", "indented json", "french", "german")


@pytest.fixture(scope="module")
def tokenizer() -> Any:
    """Return Mixtral's tokenizer."""
    return MistralTokenizer.v3().instruct_tokenizer.tokenizer


@pytest.mark.parametrize("name", SAMPLES)
def test_the_estimate_is_not_below_the_exact_count(tokenizer: Any, name: str) -> None:
    """A request with more tokens than the window is refused."""
    text = SAMPLES[name] * 10

    assert estimate_tokens(text) >= len(tokenizer.encode(text, bos=False, eos=False))


@pytest.mark.parametrize("name", USUAL)
def test_the_estimate_of_usual_text_is_not_far_above_the_exact_count(
    tokenizer: Any, name: str
) -> None:
    """Otherwise a part of the window is wasted."""
    text = SAMPLES[name] * 10

    assert estimate_tokens(text) <= 1.65 * len(tokenizer.encode(text, bos=False, eos=False))


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("", 0),
        ("a", 2),
        ("short", 2),
        ("longer", 3),
        ("a" * 18, 7),
        ("a" * 19, 8),
        ("ABC", 3),
        ("1234", 5),
        ("a b", 3),
        ("a     b", 4),
        (" ", 2),
        ("\ud800", 4),
    ],
)
def test_the_weights_have_these_values(text: str, expected: int) -> None:
    """One for the text itself, and the units."""
    assert estimate_tokens(text) == expected


def test_every_character_is_counted() -> None:
    """Each is in one of the kinds of units."""
    every = "".join(map(chr, range(0x500)))

    found = "".join(unit[0] for unit in token_estimate._UNIT.finditer(every))

    assert found == every
