"""An MCP answer over HTTP is bounded like one over stdio (16 MB): a 1.3 MB gzip body that unpacks to 300 MB must not be held."""
import sys, os, gzip, resource; sys.path.insert(0, os.path.dirname(__file__))
from host import *
import anyio
from agentkit.mcp import MCPToolset
bomb = gzip.compress(b'{"jsonrpc":"2.0","id":0,"result":"' + b"a" * 300_000_000 + b'"}', 1)
H = Host(lambda c, hd, b, n: http(bomb, headers=["content-encoding: gzip"]))
base = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
def rss(): return int(open("/proc/self/statm").read().split()[1]) * 4096 // 1_000_000
start_rss = rss()
peak = [0]
def watch():
    while True: peak[0] = max(peak[0], rss()); time.sleep(0.01)
threading.Thread(target=watch, daemon=True).start()
async def main():
    t = MCPToolset.http(f"http://127.0.0.1:{H.port}/mcp", required=False)
    t0 = time.time()
    with anyio.move_on_after(5):
        async with t.open(): await t.list_tools(())
    return time.time() - t0
took = anyio.run(main)
print(f"{len(bomb):,} bytes on the wire; memory grew by {peak[0]-start_rss} MB; a 5 s scope took {took:.1f} s")
if peak[0] - start_rss > 200 or took > 8: print("WRONG"); os._exit(1)
print("OK")
