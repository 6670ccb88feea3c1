"""Keep the requests of an agent within its model's context window.

In:  a `ModelProfile`, settings; then requests, each with the complete history.
Out: requests that fit; trimming is reported as an event.

A trimmed conversation stays trimmed: the next request is the last trimmed one plus the new
messages, so it is neither counted nor trimmed from the beginning again. Short conversations are not
counted at all.
"""

from collections.abc import Sequence
from dataclasses import replace

from agentkit.chat import ModelRequest, ModelSettings
from agentkit.config.profile import ModelProfile
from agentkit.context.summary import AskModel, Summary, summarize, with_summary
from agentkit.context.trim import FitStrategy, Fitted, fit, shorten_text
from agentkit.conversation_cache import ConversationCache
from agentkit.dialect.encoding_cache import ToolCache
from agentkit.errors import UnsupportedError
from agentkit.event import ContextTrimmed, Emit
from agentkit.history import History
from agentkit.log import Log
from agentkit.message import Message
from agentkit.model.model import TokenCounter, new_counter
from agentkit.model.token_estimate import max_message_tokens, max_text_tokens, max_tool_tokens
from agentkit.value import dataclass

_KEPT_CONVERSATIONS = 256
_MOST_ANSWER_TOKENS = 4096
_SPARE = 100  # a fraction of the window, 1/n, for tokens that the provider adds to a prompt
_SPARE_ESTIMATED = 16  # the same, if tokens are estimated
_FRAME_TOKENS = 96  # of the two messages that hold a summary
_LEAST_SUMMARY_CHARACTERS = 200

log: Log = Log("agentkit.agent")


@dataclass(frozen=True, slots=True, kw_only=True)
class ContextSettings:
    """How an agent keeps within its model's window.

    Attributes:
        window_tokens: the limit for prompt and answer together, in place of the profile's; needed
            for a model with an unknown window.
        answer_tokens: reserved for the answer if `ModelSettings.max_tokens` is not set; None for a
            quarter of the window, at most 4,096.
        shorten_results: keep only the beginning and the end of tool results: of old ones first, of
            the newest only if nothing else is left to remove.
        drop_turns: drop the oldest turns (a response with its calls and their results); a user
            message is dropped with the last of the turns that answer it.
        fill: the share of the removable tokens to use again, above 0 and at most 1; the others are
            left for the next turns.
        result_characters: the length of a shortened old result, 100 or more.
        summarize: ask the model to summarize dropped turns; one exchange for each trim.
        summary_tokens: the maximum length of a summary.
    """

    window_tokens: int | None = None
    answer_tokens: int | None = None
    shorten_results: bool = True
    drop_turns: bool = True
    fill: float = 0.6
    result_characters: int = 600
    summarize: bool = False
    summary_tokens: int = 600

    def __post_init__(self) -> None:
        for name in ("window_tokens", "answer_tokens", "summary_tokens"):
            value = getattr(self, name)
            if value is not None and value < 1:
                raise ValueError(f"{name} is 1 or more, not {value}.")
        _ = self._strategy  # which checks its values

    @property
    def _strategy(self) -> FitStrategy:
        """Return how requests are trimmed."""
        return FitStrategy(
            shorten_results=self.shorten_results,
            drop_turns=self.drop_turns,
            fill=self.fill,
            result_characters=self.result_characters,
        )


@dataclass(slots=True, kw_only=True)
class _Kept:
    """The last trimmed form of a conversation.

    Attributes:
        trimmed: None if nothing was removed.
        most: an upper bound of the tokens of what is sent.
        counter: counts this conversation; None if it was not needed yet.
    """

    trimmed: History | None = None
    most: float = 0
    counter: TokenCounter | None = None

    def grow(self, new: Sequence[Message]) -> None:
        """Add the new messages of the conversation."""
        if self.trimmed is not None:
            self.trimmed += new
        self.most += max_message_tokens(new)


class Window:
    """Trims the requests of one agent; may be used by many runs at once.

    Attributes:
        profile: the model's profile, with the window that is used.
    """

    def __init__(self, profile: ModelProfile, settings: ContextSettings) -> None:
        """Build a window; nothing is loaded before a conversation is long.

        Args:
            profile: the model's; without a window in it or in the settings nothing is trimmed.
            settings: how requests are trimmed.
        """
        self._settings = settings
        self._window_tokens = settings.window_tokens or profile.context_window_tokens
        self.profile: ModelProfile = replace(profile, context_window_tokens=self._window_tokens)
        self._most_tool_tokens = ToolCache(max_tool_tokens)
        self._kept: ConversationCache[_Kept] = ConversationCache(_KEPT_CONVERSATIONS)

    async def fit(self, request: ModelRequest, *, ask: AskModel, emit: Emit) -> ModelRequest:
        """Return `request`, with a trimmed history if it would not fit.

        Args:
            request: the request, with the complete history.
            ask: asks the model, for a summary.
            emit: receives `ContextTrimmed` if more is removed than before.

        Raises:
            UnsupportedError: the part that is always kept does not fit.
        """
        if self._window_tokens is None:
            return request
        history = request.history
        known = self._kept.take(history, _Kept)
        kept = known.value
        kept.grow(history[known.length :])
        if kept.trimmed is not None:
            request = replace(request, history=kept.trimmed)
        if not self._is_surely_short(request, kept, window_tokens=self._window_tokens):
            counter = kept.counter or new_counter(self.profile)
            shares = _Shares.of(self._window_tokens, request.settings, self._settings, counter)
            trimmer = _Trimmer(counter, settings=self._settings, shares=shares)
            fitted = await trimmer.fit(request, ask=ask, emit=emit)
            kept.counter = counter
            if fitted.is_cut:
                request = fitted.request
                kept.trimmed = request.history
                kept.most = max_message_tokens(request.history)
        self._kept.keep(known, history)
        return request

    def _is_surely_short(self, request: ModelRequest, kept: _Kept, *, window_tokens: int) -> bool:
        """Return whether a request certainly fits, by an upper bound of its tokens."""
        most = kept.most + max_text_tokens(request.instructions)
        if request.tools:
            most += self._most_tool_tokens.encode(request.tools)
        answer = _answer_tokens(window_tokens, request.settings, self._settings)
        return most <= window_tokens - window_tokens // _SPARE_ESTIMATED - answer


@dataclass(frozen=True, slots=True, kw_only=True)
class _Shares:
    """How the window is divided; the prompt gets what is left.

    Attributes:
        window: prompt and answer together.
        spare: reserved for tokens that the provider adds, and for estimates that are too low.
        answer: reserved for the answer.
        summary: reserved for a summary with its frame; 0 without summaries.
    """

    window: int
    spare: int
    answer: int
    summary: int

    @property
    def prompt(self) -> int:
        """Return the maximum length of a prompt."""
        return self.window - self.spare - self.answer

    @classmethod
    def of(
        cls, window: int, asked: ModelSettings, settings: ContextSettings, counter: TokenCounter
    ) -> "_Shares":
        """Divide a window."""
        spare = window // (_SPARE if counter.is_exact else _SPARE_ESTIMATED)
        answer = _answer_tokens(window, asked, settings)
        summary = 0
        if settings.summarize:
            summary = min(settings.summary_tokens, (window - answer) // 4) + _FRAME_TOKENS
        return cls(window=window, spare=spare, answer=answer, summary=summary)


class _Trimmer:
    """Trims one request."""

    def __init__(
        self, counter: TokenCounter, *, settings: ContextSettings, shares: _Shares
    ) -> None:
        self._counter = counter
        self._settings = settings
        self._shares = shares

    async def fit(self, request: ModelRequest, *, ask: AskModel, emit: Emit) -> Fitted:
        """Return the trimmed request, and report the trimming."""
        fitted, summary = self._trim(request), Summary()
        if fitted.dropped and self._settings.summarize:
            summary = await self._summarize(request, fitted, ask=ask)
        has_summary = False
        if summary.text:
            summed = self._with_summary(fitted, summary.text)
            if summed is None:
                summary = replace(summary, error="the summary is too long")
            else:
                fitted, has_summary = summed, True
        if fitted.is_cut:
            await self._report(fitted, summary, has_summary=has_summary, emit=emit)
        return fitted

    def _trim(self, request: ModelRequest) -> Fitted:
        """Trim a request, and reserve tokens for a summary if they suffice."""
        if self._shares.summary:
            try:
                return self._fit(request, prompt_tokens=self._shares.prompt - self._shares.summary)
            except UnsupportedError:
                pass  # there may be room without a summary
        return self._fit(request, prompt_tokens=self._shares.prompt)

    def _fit(self, request: ModelRequest, *, prompt_tokens: int) -> Fitted:
        return fit(
            request,
            counter=self._counter,
            window_tokens=self._shares.window,
            answer_tokens=self._shares.window - prompt_tokens,
            strategy=self._settings._strategy,
        )

    async def _summarize(self, request: ModelRequest, fitted: Fitted, *, ask: AskModel) -> Summary:
        """Summarize the dropped messages and those between them."""
        if fitted.tokens > self._shares.prompt - self._shares.summary:
            return Summary(error="there is no room for a summary")
        max_tokens = self._shares.summary - _FRAME_TOKENS
        return await summarize(
            _up_to(request.history, fitted.dropped[-1]),
            ask=ask,
            counter=self._counter,
            max_prompt_tokens=self._shares.window - self._shares.spare - max_tokens,
            max_tokens=max_tokens,
        )

    def _with_summary(self, fitted: Fitted, text: str) -> Fitted | None:
        """Return `fitted` with a summary, which may be longer than requested."""
        while True:
            request = with_summary(fitted.request, text)
            tokens = self._counter.count(request)
            if tokens - fitted.tokens <= self._shares.summary:
                return replace(fitted, request=request, tokens=tokens)
            if len(text) <= _LEAST_SUMMARY_CHARACTERS:
                return None
            text = shorten_text(text, max(len(text) // 2, _LEAST_SUMMARY_CHARACTERS))

    async def _report(
        self, fitted: Fitted, summary: Summary, *, has_summary: bool, emit: Emit
    ) -> None:
        event = ContextTrimmed(
            dropped_messages=fitted.dropped_messages,
            shortened_results=fitted.shortened_results,
            tokens_before=fitted.tokens_before,
            tokens_after=fitted.tokens,
            window_tokens=self._shares.window,
            has_summary=has_summary,
            summary_error=summary.error,
            usage=summary.usage,
        )
        write = log.info if summary.error is None else log.warning
        write(
            "context_trimmed",
            dropped_messages=event.dropped_messages,
            shortened_results=event.shortened_results,
            tokens_before=event.tokens_before,
            tokens_after=event.tokens_after,
            window_tokens=event.window_tokens,
            summary_error=summary.error,
        )
        await emit(event)


def _answer_tokens(window_tokens: int, asked: ModelSettings, settings: ContextSettings) -> int:
    """Return the number of tokens reserved for the answer."""
    default = min(window_tokens // 4, _MOST_ANSWER_TOKENS)
    return asked.max_tokens or settings.answer_tokens or default


def _up_to(history: History, last: Message) -> Sequence[Message]:
    """Return the messages of `history` up to and including `last`."""
    end = next(at for at, message in enumerate(history) if message is last)
    return history[: end + 1]
