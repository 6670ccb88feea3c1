"""Which names are public; adding or removing one is a decision about the API."""

import re
from importlib import import_module
from pathlib import Path
from types import ModuleType

import pytest

import agentkit
from scripts.public_api import SUBMODULES

ROOT = Path(__file__).resolve().parents[1]

PUBLIC: dict[str, str] = {
    "agentkit": """
        Agent AgentStream RunResult RunContext Conversation Budget ModelSettings
        OutputSettings ContextSettings ToolChoice Usage StopReason History Message
        SystemMessage UserMessage AssistantMessage ToolCall ToolResult ContentBlock
        TextContent ImageContent AudioContent ResourceLink EmbeddedResource
        ReasoningContent tool Tool Toolset handoff Model build_model Approval Verdict
        ReadyCall RunEvent EventRecord TextReceived ReasoningReceived ToolCallStarted
        ToolCallFinished RunFinished AgentKitError ConfigError HistoryError OutputError
        SuspendedError ProviderError ToolError UnsupportedError __version__
    """,
    "agentkit.agent": """
        AgentOptions DepsOptions InnerOptions Instructions RunOptions SyncAgentStream
    """,
    "agentkit.durable": """
        DecisionError FileJournal Journal MemoryJournal QueueLength RunExistsError RunInfo
        RunNotFoundError RunPage RunStatus RunStatusError Runs ScheduleInfo SqlJournal StoredEvents
        StoredRunError open_runs
    """,
    "agentkit.errors": """
        AgentKitDeprecationWarning AgentKitError ConfigError ErrorKind HistoryError
        JournalError MissingExtraError
        ProtocolError ProviderError Retry RunLost StatusError ToolDefinitionError
        ToolError ToolsetError TransportError UnsupportedError UsageError
    """,
    "agentkit.event": """
        AnswerRepaired ApprovalDecided BudgetLimits ConnectionAwaited ContextTrimmed Emit
        EventRecord
        HandedOff Listener ModelFailedOver ModelRequested ModelResponded ModelRetried OutputRejected
        PartialOutputReceived ReasoningReceived ReportLevel RequestDelayed
        RequestDowngraded RunError RunEvent RunFailed RunFinished RunResumed RunStarted
        StopReason TextReceived TextReclassified ToolArgumentsReceived ToolCallAbandoned
        ToolCallFinished
        ToolCallRejected ToolCallStarted ToolProgressed ToolResultTruncated
        ToolsetReported TurnStarted ignore with_deltas
        with_requests
    """,
    "agentkit.hooks": """
        Blocked CallNext GuardrailError ModelMiddleware ToolMiddleware cached
        emit_response guarded redacted without_text wrapped_model wrapped_tools
    """,
    "agentkit.json_schema": """
        JsonObject JsonSchema JsonSchemaError JsonTextError JsonValue Violation describe
        parse_json
    """,
    "agentkit.log": """
        current_log_facts
    """,
    "agentkit.mcp": """
        AskInput ClientContext ClientRequestError ConfigInput ElicitationOutcome
        ElicitationRequest ElicitationResponse HttpOptions HttpServer MCPOptions
        MCPToolset OAuth OnElicitation OnSampling Prompt RestartSettings SamplingRequest
        SamplingResponse ServerSettings TokenFile ToolServer build_server client_of
        open_http serve_http serve_stdio
    """,
    "agentkit.model": """
        CircuitBreakerSettings CircuitState Emit FailedExchange FinishReason HttpSettings Model
        ModelConnection ModelExchange ModelProfile ModelRequest ModelResponse RateLimit
        Repair RetrySettings RouteModel RouteOrder SupportsRetry TokenCounter ToolSpec
    """,
    "agentkit.service": """
        AccessToken Authenticator Caller DatabaseTokens MetricsSource ServedAgent Service
        ServiceError ServiceOptions ServingPort TokenLimits Tokens build_service open_port
    """,
    "agentkit.session": """
        ImportFormatError SearchHit Session SessionConflictError SessionEntry
        SessionError SessionExistsError SessionInfo SessionNotFoundError SessionPage
        Sessions open_sessions
    """,
    "agentkit.telemetry.explain": """
        Explanation explain read_records
    """,
    "agentkit.telemetry.otel": """
        AgentKitInstrumentor OpenTelemetry
    """,
    "agentkit.telemetry.prometheus": """
        PrometheusMetrics
    """,
    "agentkit.testing": """
        ManualClock ScriptedAnswer ScriptedExchange ScriptedModel ScriptedTransport
        check_journal check_model check_store check_toolset check_transport
        serve_exchanges tool_call
    """,
    "agentkit.tools": """
        ApprovalRule ConcurrencyLimits Decision StaticToolset ToolAnnotations ToolLike
        ToolOptions combined filtered prefixed renamed searchable
    """,
    "agentkit.tools.rules": """
        Condition allow ask deny first has_effects is_destructive is_open_world
        is_repaired named strictest tagged
    """,
}
"""The public names of each module; all other modules are private."""


@pytest.mark.parametrize("module", PUBLIC)
def test_a_module_has_exactly_its_public_names(module: str) -> None:
    """Each once, and each exists."""
    found = import_module(module)

    assert sorted(found.__all__) == sorted(PUBLIC[module].split())
    assert [name for name in found.__all__ if not hasattr(found, name)] == []


def test_the_package_itself_has_51_names() -> None:
    """What most programs need; the rest is in the submodules."""
    assert len(agentkit.__all__) == 51


def test_the_list_of_public_submodules_is_the_one_that_is_compared() -> None:
    """With the API of earlier versions; see `test_public_api`."""
    assert PUBLIC.keys() - {"agentkit"} == {f"agentkit.{name}" for name in SUBMODULES}


def test_a_name_means_the_same_in_every_module() -> None:
    """Several modules may export one object, not two objects of one name."""
    found: dict[str, object] = {}
    for module in PUBLIC:
        loaded: ModuleType = import_module(module)
        for name in loaded.__all__:
            assert found.setdefault(name, getattr(loaded, name)) is getattr(loaded, name)


FOR_SPECIAL_PURPOSES = frozenset(
    {
        "agentkit.history_repair",
        "agentkit.recording.pytest_plugin",
        "agentkit.sandbox",
        "agentkit.transport.direct.httpx_adapter",
    }
)
"""Modules that a guide describes and that are not part of the public API."""


@pytest.mark.parametrize(
    "path",
    [ROOT / "README.md", *(ROOT / "docs").glob("*.md"), *(ROOT / "examples").glob("*.py")],
    ids=lambda path: path.name,
)
def test_guides_and_examples_use_public_modules(path: Path) -> None:
    """And no other names of them than the public ones."""
    text = path.read_text(encoding="utf-8")
    found = re.findall(r"^\s*from (agentkit(?:\.[\w.]+)?) import ([\w, ]+|\([^)]*\))", text, re.M)

    used = {
        (module, name)
        for module, names in found
        for name in re.findall(r"\w+", re.sub(r" as \w+", "", names))
        if module not in FOR_SPECIAL_PURPOSES
    }
    private = [(module, name) for module, name in used if name not in names_of(module)]
    assert private == []


def names_of(module: str) -> list[str]:
    """Return the public names of a module; `agentkit.tools` also has the module `rules`."""
    names = PUBLIC.get(module, "").split()
    return [*names, "rules"] if module == "agentkit.tools" else names
