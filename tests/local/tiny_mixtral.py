"""Write a model of a few MB that calls tools as Mixtral 8x22B Instruct does.

In:  the v3 tokenizer that mistral-common carries, and weights that are set here by hand.
Out: a GGUF file with Mixtral's architecture (llama blocks with experts), tokenizer and chat
     template.

Nothing is learnt and nothing understood, yet every step is real: tokenizer, attention, sampling
under the server's grammar. What the weights make it do, at temperature 0:

- Each token's embedding is two ones: one says "a token", one says which of a few dozen tokens with
  a meaning it is (or "another token").
- One attention head lets [/INST] look back at [/AVAILABLE_TOOLS]. If it finds it, the next token
  is [TOOL_CALLS]; if not, `ANSWER_WITHOUT_TOOLS` begins.
- [/TOOL_RESULTS] begins `ANSWER`. Each token of a sentence raises the next; the last one ends.
- [TOOL_CALLS] begins `CALL`, a complete call of `get_weather`. Where the server's grammar forbids
  the next token of it (another tool, other arguments), the most wanted token that it allows
  follows: the end, a closing quote, the word London, closing brackets, a comma, a colon, a seven,
  then the longest piece of text. So every generation ends, and every call under a grammar fits its
  schema.
- Under the grammar it leaves out the `id` that a call may have, except after empty arguments,
  where it writes "London", each time the same.

The experts are there, as the architecture wants them, and add nothing.
"""

from importlib.resources import files
from itertools import pairwise
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt
import pytest
from sentencepiece import SentencePieceProcessor

gguf = pytest.importorskip("gguf")

CONTEXT_TOKENS = 4096
ANSWER = "The tool has answered."
ANSWER_WITHOUT_TOOLS = "I was given no functions."
CALL = '[{"name":"get_weather","arguments": {"city":"London"}}]'

_Array = npt.NDArray[np.float32]

_TOKENIZER = "mistral_instruct_tokenizer_240323.model.v3"
_TEMPLATE = Path(__file__).with_name("tiny_mixtral.jinja")
_END = "</s>"
_WIDTH = 48
_EXPERTS = 8
_EXPERTS_USED = 2
_EXPERT_WIDTH = 32

# `CALL` in pieces that all differ, so that each has one next piece.
_CALL_PIECES = (
    *("[TOOL_CALLS]", "▁[", '{"', "name", '":"', "get", "_", "we", "ather", '","', "arguments"),
    *('":', '▁{"', "city", "<0x22>", ':"', "London", '"}', "}]", _END),
)
_MOST_WANTED = (_END, '"', "London", "]", "}", ",", ":", "7")

# Logits, before the last norm scales all of them alike.
_NEXT = 10.0
_INSTEAD = 8.0
_WANTED, _WANTED_STEP = 4.0, 0.4
_PER_CHARACTER = 0.01
_UNWANTED = -1.0

# Places in the residual stream; those after them belong to tokens with a meaning.
_ANY, _OTHER, _TOOLS_SEEN = range(3)


def write_model(path: Path) -> None:
    """Write the model to `path`; the same bytes each time."""
    tokenizer = SentencePieceProcessor(
        model_file=str(files("mistral_common") / "data" / _TOKENIZER)
    )
    writer = gguf.GGUFWriter(path, "llama")
    _add_shape(writer)
    _add_tokenizer(writer, tokenizer)
    for name, tensor in _tensors(_Meaning(tokenizer)).items():
        writer.add_tensor(name, tensor)
    writer.write_header_to_file()
    writer.write_kv_data_to_file()
    writer.write_tensors_to_file()
    writer.close()


def _add_shape(writer: Any) -> None:
    writer.add_name("tiny-mixtral")
    writer.add_context_length(CONTEXT_TOKENS)
    writer.add_embedding_length(_WIDTH)
    writer.add_block_count(1)
    writer.add_feed_forward_length(_EXPERT_WIDTH)
    writer.add_expert_count(_EXPERTS)
    writer.add_expert_used_count(_EXPERTS_USED)
    writer.add_head_count(1)
    writer.add_head_count_kv(1)
    writer.add_layer_norm_rms_eps(1e-5)
    writer.add_rope_dimension_count(_WIDTH)
    # Positions squeezed into nothing: the distance to the tools does not matter.
    writer.add_rope_scaling_type(gguf.RopeScalingType.LINEAR)
    writer.add_rope_scaling_factor(1e9)


def _add_tokenizer(writer: Any, tokenizer: SentencePieceProcessor) -> None:
    size = tokenizer.vocab_size()
    writer.add_tokenizer_model("llama")
    writer.add_token_list([tokenizer.id_to_piece(token) for token in range(size)])
    writer.add_token_scores([tokenizer.get_score(token) for token in range(size)])
    writer.add_token_types([_token_type(tokenizer, token) for token in range(size)])
    writer.add_vocab_size(size)
    writer.add_bos_token_id(tokenizer.bos_id())
    writer.add_eos_token_id(tokenizer.eos_id())
    writer.add_unk_token_id(tokenizer.unk_id())
    writer.add_add_bos_token(True)
    writer.add_add_space_prefix(False)  # the template writes the spaces itself
    writer.add_chat_template(_TEMPLATE.read_text(encoding="utf-8"))


def _token_type(tokenizer: SentencePieceProcessor, token: int) -> int:
    kinds = gguf.TokenType
    if tokenizer.is_unknown(token):
        kind = kinds.UNKNOWN
    elif tokenizer.is_control(token):
        kind = kinds.CONTROL
    elif tokenizer.is_byte(token):
        kind = kinds.BYTE
    else:
        kind = kinds.NORMAL
    return int(kind)


class _Meaning:
    """The tokens with a meaning, and the token that follows each of them."""

    def __init__(self, tokenizer: SentencePieceProcessor) -> None:
        self._tokenizer = tokenizer
        self._place: dict[int, int] = {}
        self.output = np.zeros((tokenizer.vocab_size(), _WIDTH), np.float32)
        self._want_by_default()
        self._follow("[/TOOL_RESULTS]", *self._pieces(ANSWER), _END)
        self._follow("[/INST]", *self._pieces(ANSWER_WITHOUT_TOOLS), _END)
        self._follow(*_CALL_PIECES)
        self._raise(
            '"', "London", _WANTED_STEP * 15
        )  # opens a string; where it closes one: ruled out
        self._raise(",", "}", _INSTEAD)  # no id, where the grammar has one optional
        self._raise(".", "[TOOL_CALLS]", _INSTEAD)  # where a call is required and the end forbidden
        # A sentence's begin is stronger than the first of these alone, and weaker than both.
        self._raise("[/INST]", "[TOOL_CALLS]", _NEXT * 0.6)
        self.output[self.token("[TOOL_CALLS]"), _TOOLS_SEEN] = _NEXT * 0.8

    def token(self, piece: str) -> int:
        token: int = self._tokenizer.piece_to_id(piece)
        if self._tokenizer.id_to_piece(token) != piece:
            raise ValueError(f"The tokenizer has no piece {piece!r}.")
        return token

    def place(self, piece: str) -> int:
        """Return the dimension of the residual stream that marks this token as the last one."""
        place = self._place.setdefault(self.token(piece), _TOOLS_SEEN + 1 + len(self._place))
        if place >= _WIDTH:
            raise ValueError(f"No place is left for {piece!r}; widen the model.")
        return place

    def embedding(self) -> _Array:
        table = np.zeros_like(self.output)
        table[:, [_ANY, _OTHER]] = 1
        for token, place in self._place.items():
            table[token, [_OTHER, place]] = 0, 1
        return table

    def _pieces(self, text: str) -> list[str]:
        return [str(piece) for piece in self._tokenizer.encode(text, out_type=str)]

    def _follow(self, *pieces: str) -> None:
        for piece, following in pairwise(pieces):
            self._raise(piece, following, _NEXT)

    def _raise(self, piece: str, following: str, logit: float) -> None:
        self.output[self.token(following), self.place(piece)] = logit

    def _want_by_default(self) -> None:
        for token in range(len(self.output)):
            piece = self._tokenizer.id_to_piece(token)
            is_text = _token_type(self._tokenizer, token) == gguf.TokenType.NORMAL
            is_plain = is_text and not piece.startswith("▁")  # white space between JSON tokens
            self.output[token, _ANY] = len(piece) * _PER_CHARACTER if is_plain else _UNWANTED
        for rank, piece in enumerate(_MOST_WANTED):
            self.output[self.token(piece), _ANY] = _WANTED - rank * _WANTED_STEP


def _tensors(meaning: _Meaning) -> dict[str, npt.NDArray[Any]]:
    query, key, value, output = (np.zeros((_WIDTH, _WIDTH), np.float32) for _ in range(4))
    normed = np.sqrt(_WIDTH / 2)  # what the norm makes of each of the two ones
    score = np.sqrt(30 * np.sqrt(_WIDTH)) / normed  # e^30 drowns all other positions
    query[0, meaning.place("[/INST]")] = score
    key[0, meaning.place("[/AVAILABLE_TOOLS]")] = score
    value[0, meaning.place("[/AVAILABLE_TOOLS]")] = 1 / normed
    output[_TOOLS_SEEN, 0] = 1
    ones = np.ones(_WIDTH, np.float32)
    inward = np.zeros((_EXPERTS, _EXPERT_WIDTH, _WIDTH), np.float16)
    outward = np.zeros((_EXPERTS, _WIDTH, _EXPERT_WIDTH), np.float16)
    return {
        "token_embd.weight": meaning.embedding().astype(np.float16),
        "blk.0.attn_norm.weight": ones,
        "blk.0.attn_q.weight": query.astype(np.float16),
        "blk.0.attn_k.weight": key.astype(np.float16),
        "blk.0.attn_v.weight": value.astype(np.float16),
        "blk.0.attn_output.weight": output.astype(np.float16),
        "blk.0.ffn_norm.weight": ones,
        "blk.0.ffn_gate_inp.weight": np.zeros((_EXPERTS, _WIDTH), np.float32),
        "blk.0.ffn_gate_exps.weight": inward,
        "blk.0.ffn_up_exps.weight": inward,
        "blk.0.ffn_down_exps.weight": outward,
        "output_norm.weight": ones,
        "output.weight": meaning.output.astype(np.float16),
    }
