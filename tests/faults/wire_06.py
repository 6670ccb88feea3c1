"""After its end mark an answer is whole, however long the host keeps the connection open.

Public threads of this kind: agentscope-ai/agentscope-java#2073, openai/openai-python#3510 and #3566,
micz/ThunderAI#252. Nothing was copied from them. Here the connection stays open for 6 s after the end mark;
with a longer silence than idle_seconds (60 s by default) the whole answer is thrown away as a timeout.

Exit 0 if agentkit is right, 1 if it is wrong. Needs agentkit only; everything stays on loopback.
Run: python wire_06.py
"""
import asyncio
import json
import socket
import sys
import threading
import time

from agentkit import Agent, AgentKitError, tool

CALLS = []
BAD = []


class Host:
    """A host on loopback whose answers are written down: bytes, and numbers of seconds to wait."""

    def __init__(self, answer):
        self.answer, self.requests, self.open = answer, [], True
        self.socket = socket.create_server(("127.0.0.1", 0))
        self.socket.settimeout(0.2)
        self.url = "http://127.0.0.1:%d/v1" % self.socket.getsockname()[1]
        threading.Thread(target=self.serve, daemon=True).start()

    def serve(self):
        while self.open:
            try:
                one, _ = self.socket.accept()
            except OSError:
                continue
            threading.Thread(target=self.reply, args=(one,), daemon=True).start()

    def reply(self, one):
        one.settimeout(20)
        data = b""
        try:
            while b"\r\n\r\n" not in data:
                data += one.recv(65536)
            head, _, body = data.partition(b"\r\n\r\n")
            lines = [line for line in head.lower().split(b"\r\n") if line.startswith(b"content-length:")]
            while len(body) < (int(lines[0].split(b":")[1]) if lines else 0):
                body += one.recv(65536)
            self.requests.append(json.loads(body or b"{}"))
            parts = self.answer(self.requests[-1], len(self.requests))
            for part in [parts] if isinstance(parts, bytes) else parts:
                if isinstance(part, bytes):
                    one.sendall(part)
                else:
                    time.sleep(part)
            one.shutdown(socket.SHUT_RDWR)
        except OSError:
            pass
        finally:
            one.close()


def document(value, status="200 OK"):
    body = json.dumps(value).encode()
    head = f"HTTP/1.1 {status}\r\nContent-Type: application/json\r\nContent-Length: {len(body)}\r\nConnection: close\r\n\r\n"
    return head.encode() + body


def whole(message, finish="stop"):
    message = {"role": "assistant", **message}
    return document({"id": "c1", "model": "m", "choices": [{"index": 0, "message": message, "finish_reason": finish}]})


def events(*chunks, done=True):
    head = b"HTTP/1.1 200 OK\r\nContent-Type: text/event-stream\r\nConnection: close\r\n\r\n"
    made = [c if isinstance(c, bytes | float) else b"data: " + json.dumps(c).encode() + b"\n\n" for c in chunks]
    return [head, *made, *([b"data: [DONE]\n\n"] if done else [])]


def chunk(delta, finish=None, index=0):
    return {"id": "c1", "model": "m", "choices": [{"index": index, "delta": delta, "finish_reason": finish}]}


def streamed(text, step=5, finish="stop"):
    return events(*[chunk({"content": text[i : i + step]}) for i in range(0, len(text), step)], chunk({}, finish))


def text(words, finish="stop"):
    """An answer in words, whole or streamed as it was asked."""
    return lambda request: streamed(words, finish=finish) if request.get("stream") else whole({"content": words}, finish)


def call(name, arguments, id="abc123def"):
    return {"id": id, "type": "function", "function": {"name": name, "arguments": json.dumps(arguments)}}


def in_turn(*answers):
    """The answers one after the other; the last one again and again."""

    def answer(request, count):
        one = answers[min(count, len(answers)) - 1]
        return one(request) if callable(one) else one

    return answer


def run(answer, tools, *, stream=False, model="openai-compatible:my-model", seconds=60, **more):
    """Run an agent on such a host. Gives what came out: output, stop, error or crash, shown, requests."""
    CALLS.clear()
    host = Host(answer)
    out = {"output": None, "stop": None, "error": None, "crash": None, "shown": ""}

    async def main():
        agent = Agent(model, base_url=host.url, api_key="none", tools=tools, **more)
        if not stream:
            result = await agent.run("Please do it.")
        else:
            async with agent.stream("Please do it.") as going:
                async for event in going:
                    if type(event).__name__ == "TextReceived":
                        out["shown"] += event.text
                result = going.result
        out["output"], out["stop"] = result.output, result.stop_reason

    begun = time.monotonic()
    try:
        asyncio.run(asyncio.wait_for(main(), seconds))
    except AgentKitError as error:
        out["error"] = f"{type(error).__name__} {getattr(error, 'kind', '')}: {error}"
    except BaseException as error:
        out["crash"] = f"{type(error).__name__}: {error}"
    host.open = False
    out["seconds"] = round(time.monotonic() - begun, 1)
    out["calls"], out["requests"] = list(CALLS), host.requests
    return out


def expect(name, is_right, out):
    told = {key: out[key] for key in ("calls", "output", "stop", "shown", "error", "crash", "seconds") if out.get(key) not in (None, "")}
    told["requests"] = len(out["requests"])
    print(("right " if is_right else "WRONG ") + name, ascii(told), flush=True)
    if not is_right:
        BAD.append(name)


@tool(read_only=True)
def get_weather(city: str, days: int = 1) -> str:
    """Tell the weather of a city."""
    CALLS.append(("get_weather", city, days))
    return f"{city}: 20 degrees"


@tool(read_only=True)
def list_alerts() -> str:
    """List all alerts."""
    CALLS.append(("list_alerts",))
    return "none"


@tool
def delete_file(path: str) -> str:
    """Delete a file."""
    CALLS.append(("delete_file", path))
    return "deleted"


@tool(read_only=True)
def read_file(path: str) -> str:
    """Read a file."""
    CALLS.append(("read_file", path))
    return f"text of {path}"


DONE = text("Done.")


from functools import partial

from agentkit.config.load import resolve_model
from agentkit.model.build import DIALECTS
from agentkit.model.provider_model import ProviderModel
from agentkit.transport.open_transport import open_transport
from agentkit.transport.http_settings import HttpSettings

HI = [chunk({"content": "Hel"}), chunk({"content": "lo"}, "stop")]
ASK = [chunk({"tool_calls": [{"index": 0, **call("get_weather", {"city": "Oslo"})}]}), chunk({}, "tool_calls")]


def run_impatient(answer, tools):
    """The same with idle_seconds=1.5 in place of 60."""
    CALLS.clear()
    host = Host(answer)
    out = {"output": None, "stop": None, "error": None, "crash": None, "shown": ""}

    async def main():
        resolved = resolve_model("openai-compatible:my-model", base_url=host.url, api_key="none")
        transport = partial(open_transport, settings=HttpSettings(idle_seconds=1.5))
        agent = Agent(ProviderModel(resolved, dialects=DIALECTS, transport=transport), tools=tools)
        async with agent.stream("Please do it.") as going:
            async for event in going:
                if type(event).__name__ == "TextReceived":
                    out["shown"] += event.text
        out["output"] = going.result.output

    begun = time.monotonic()
    try:
        asyncio.run(asyncio.wait_for(main(), 60))
    except Exception as error:
        out["error"] = f"{type(error).__name__}: {error}"
    host.open = False
    return out | {"seconds": round(time.monotonic() - begun, 1), "calls": list(CALLS), "requests": host.requests}


out = run(in_turn([*events(*HI), 6.0]), [get_weather], stream=True)
expect("text, open for 6 s after [DONE]: at once", out["output"] == "Hello" and out["seconds"] < 3, out)
out = run(in_turn([*events(*HI), *([b": ping\n\n", 1.0] * 6)]), [get_weather], stream=True)
expect("text, comments for 6 s after [DONE]: at once", out["output"] == "Hello" and out["seconds"] < 3, out)
out = run_impatient(in_turn([*events(*HI), 6.0]), [get_weather])
expect("text, open for longer than idle_seconds", out["output"] == "Hello", out)
out = run_impatient(in_turn([*events(*ASK), 6.0], DONE), [get_weather])
expect("a call, open for longer than idle_seconds", out["calls"] == [("get_weather", "Oslo", 1)] and len(out["requests"]) == 2, out)
out = run(in_turn(events(*HI)), [get_weather], stream=True)
expect("control: closed at once", out["output"] == "Hello", out)

print(f"{len(BAD)} wrong" + (": " + ", ".join(BAD) if BAD else ""))
sys.exit(1 if BAD else 0)
