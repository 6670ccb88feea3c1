"""An agent that takes part in a run, with its model and its tools open.

In:  what the agent is made of, what was given to the run.
Out: `Member`: the tools of each turn, the instructions of each exchange.
"""

from collections.abc import Mapping
from inspect import isawaitable

from agentkit.agent.options import AgentSettings
from agentkit.agent.run import AgentParts, Run
from agentkit.chat import ModelSettings, ToolSpec
from agentkit.config.profile import ModelProfile
from agentkit.context.window import Window
from agentkit.errors import ConfigError
from agentkit.event import Emit
from agentkit.history import History
from agentkit.model.model import ModelConnection
from agentkit.tools.approval import ApprovalRule
from agentkit.tools.run_context import RunContext, RunLink
from agentkit.tools.tool import Tool
from agentkit.tools.toolset import (
    ListedTools,
    StaticToolset,
    Toolset,
    combined,
    take_reports,
)

_NO_TOOLS = ListedTools()


class Member:
    """An agent in a run.

    Attributes:
        name: the agent's name.
        connection: the open model.
        window: fits requests to the model's context window.
        settings: how the model should answer.
        rule: the caller's own rule about calls.
        options: see `AgentSettings`.
    """

    __slots__ = (
        "_index",
        "_instructions",
        "_toolset",
        "connection",
        "name",
        "options",
        "rule",
        "settings",
        "window",
    )

    def __init__(self, run: Run, agent: AgentParts, connection: ModelConnection) -> None:
        given = run.given
        self.name: str = agent.name
        self.connection: ModelConnection = connection
        self.window: Window = agent.window
        self.settings: ModelSettings = agent.settings.merged(given.get("settings"))
        self.rule: ApprovalRule | None = run.output.exempt_from(agent.approve)
        self.options: AgentSettings = agent.options
        self._toolset = run.output.with_tool(_with_extra(agent.toolset, run.extra_tools))
        self._instructions = tuple(
            one for one in (agent.instructions, given.get("instructions", "")) if one
        )
        self._index = _NO_TOOLS

    @property
    def listed(self) -> Mapping[str, Tool]:
        """Return the tools as they were listed last, by name; empty before the first time."""
        return self._index.by_name

    @property
    def specs(self) -> tuple[ToolSpec, ...]:
        """Return the tools listed last, as a model sees them; the same objects for the same tools.

        So each is encoded once.
        """
        return self._index.specs

    @property
    def profile(self) -> ModelProfile:
        """Return the profile of the model, with the window that is kept to."""
        return self.window.profile

    async def tools(self, history: History, *, emit: Emit) -> Mapping[str, Tool]:
        """Return the tools of the next turn, by name."""
        listed = await self._toolset.list_tools(history)
        for report in take_reports(self._toolset):
            await emit(report)
        self._index = self._index.of(self._toolset, listed)
        return self._index.by_name

    async def instructions(self, run: Run) -> str:
        """Return the agent's instructions and those of the run; functions are called now."""
        if not self._instructions:
            return ""
        parts = []
        for one in self._instructions:
            text = one if isinstance(one, str) else one(self.context(run))
            parts.append(await text if isawaitable(text) else text)
        return "\n\n".join(filter(None, parts))

    def context(self, run: Run) -> RunContext[object]:
        """Return the context that functions of the caller get outside a call."""
        return RunContext(
            deps=run.deps,
            run_id=run.id,
            agent_name=self.name,
            labels=run.labels,
            _link=RunLink(run=run, emit=run.report.emitter),
        )


def _with_extra(toolset: Toolset, extra: Toolset | None) -> Toolset:
    """Return a toolset with the tools of one run in it.

    Raises:
        ConfigError: two tools have one name.
    """
    if extra is None:
        return toolset
    if isinstance(toolset, StaticToolset) and isinstance(extra, StaticToolset):
        names = {tool.name for tool in toolset.tools}
        if twice := sorted(tool.name for tool in extra.tools if tool.name in names):
            raise ConfigError(
                f"The agent has a tool {twice[0]!r} already; give the one of this run another name."
            )
    return combined(toolset, extra)
