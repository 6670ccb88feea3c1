"""Ways out of an isolated command, each of which must fail.

In:  nothing.
Out: `SHELL_ESCAPES` and `PYTHON_ESCAPES`, by name. An attempt that succeeds prints `GOT` and what
     it reached. `{secret}` is a file outside the folder, `{port}` a server on loopback,
     `{abstract}` an abstract socket, `{victim}` a process outside.
"""

from collections.abc import Mapping

CONNECT = (
    'python -c "import socket;'
    " socket.create_connection(('{address}', {{port}}), 1); print('GOT')\""
)
SYSCALL = (
    'python -c "import ctypes; c = ctypes.CDLL(None, use_errno=True);'
    " print('GOT' if c.syscall({call}) >= 0 else ctypes.get_errno())\""
)

SHELL_ESCAPES: Mapping[str, str] = {
    # Network.
    "loopback": CONNECT.format(address="127.0.0.1"),
    "loopback by name": CONNECT.format(address="localhost"),
    "loopback over IPv6": CONNECT.format(address="::1"),
    "another address": CONNECT.format(address="10.255.255.1"),
    "metadata": "curl -m 1 -s http://169.254.169.254/ && echo GOT",
    "abstract socket": (
        'python -c "import socket; s = socket.socket(socket.AF_UNIX);'
        " s.connect(chr(0) + '{abstract}'); print('GOT')\""
    ),
    "machine that runs this one": (
        "python -c \"import socket; socket.socket(40, socket.SOCK_STREAM); print('GOT')\""
    ),
    "packets": "python -c \"import socket; socket.socket(17, socket.SOCK_RAW); print('GOT')\"",
    "interfaces": "ls /sys/class/net/eth0 && echo GOT",
    # /proc.
    "environment of others": "cat /proc/*/environ | tr '\\0' '\\n' | grep SECRET && echo GOT",
    "root of others": "cat /proc/1/root{secret} && echo GOT",
    "working folder of others": "cat /proc/*/cwd/../secret.txt && echo GOT",
    "memory of the kernel": "head -c 1 /proc/kcore && echo GOT",
    "settings of the kernel": ": >> /proc/sys/kernel/randomize_va_space && echo GOT",
    "program for core dumps": ": >> /proc/sys/kernel/core_pattern && echo GOT",
    "system request": ": >> /proc/sysrq-trigger && echo GOT",
    "interrupts": "for f in /proc/irq/*/smp_affinity /proc/mtrr; do : >> $f && echo GOT; done",
    "pages of the kernel": "head -c 8 /proc/kpageflags /proc/kmsg /proc/slabinfo && echo GOT",
    "any setting": (
        "for f in $(find /proc/sys -type f); do (: >> $f) 2> /dev/null && echo GOT $f; done"
    ),
    "process outside": "test -e /proc/{victim}/cmdline && grep -a victim /proc/{victim}/cmdline"
    " && echo GOT",
    "score of memory": "echo -1000 > /proc/self/oom_score_adj && echo GOT",
    # Environment.
    "environment": "env | grep SECRET && echo GOT",
    # Links out of the folder.
    "link to a file": "cat link.txt && echo GOT",
    "link to a folder": "cat folder-link/secret.txt && echo GOT",
    "new link": "ln -s {secret} mine && cat mine && echo GOT",
    "new hard link": "ln {secret} mine && echo GOT",
    "up": "cat ../secret.txt && echo GOT",
    "absolute path": "cat {secret} && echo GOT",
    # Writing elsewhere.
    "system": "touch /usr/agentkit-was-here && echo GOT",
    "root folder": "touch /agentkit-was-here && echo GOT",
    "configuration": "touch /etc/agentkit-was-here && echo GOT",
    "users": "echo evil >> /etc/passwd && echo GOT",
    "devices": "touch /dev/agentkit-was-here && echo GOT",
    "own packages": "touch $(dirname $(command -v python))/evil && echo GOT",
    "hook of git": "echo evil > .git/hooks/pre-commit && echo GOT",
    "configuration of git": "echo evil >> .git/config && echo GOT",
    "another git": "mv .git away && mkdir .git && echo GOT",
    "remount": "mount -o remount,rw /usr && echo GOT",
    "passwords": "cat /etc/shadow && echo GOT",
    "home": "cat ~root/.bashrc /root/.bashrc && echo GOT",
    # Signals.
    "signal by number": "kill -9 {victim} && echo sent",
    "signal to all": "kill -9 -1; echo sent",
    "signal to the parent": "kill -9 $PPID; kill -9 1; echo sent",
    # File descriptors.
    "open files": "ls /proc/self/fd | grep -vE '^[0-3]$' && echo GOT",
    "inherited file": "cat <&{inherited} && echo GOT",
    "first process's files": "ls -l /proc/1/fd | grep -E 'secret|socket' && echo GOT",
    # Privileges.
    "user": "id -u | grep -qx 0 && echo GOT",
    "capabilities": "grep -E '^Cap(Prm|Eff|Amb|Inh):' /proc/self/status | grep -v 0000000000000000"
    " && echo GOT",
    "new privileges": "grep -q 'NoNewPrivs:.*0' /proc/self/status && echo GOT",
    "setuid file": "cp /usr/bin/id mine; chmod u+s mine; chown 0 mine && echo GOT",
    "su": "echo | su -c 'echo GOT'",
    "user namespace": "unshare -Ur echo GOT",
    "mount namespace": "unshare -m echo GOT",
    "namespace of another": "nsenter -t 1 -n echo GOT",
    "chroot": "chroot . /usr/bin/echo GOT",
    # Devices.
    "disks": "ls /dev/[svhx]d[a-z]* /dev/nvme* /dev/loop* && echo GOT",
    "memory": "ls /dev/mem /dev/kmsg /dev/kvm /dev/fuse && echo GOT",
    "new device": "mknod disk b 8 0 && echo GOT",
    "terminal": "echo x > /dev/tty && echo GOT",
    # System calls: ptrace, keyctl, bpf, io_uring_setup, userfaultfd, clone3 and memfd_create.
    "ptrace": SYSCALL.format(call="101, 0, 0, 0, 0"),
    "keys": SYSCALL.format(call="250, 0, -3, 1"),
    "bpf": SYSCALL.format(call="321, 5, 0, 0"),
    "io_uring": SYSCALL.format(call="425, 8, ctypes.create_string_buffer(200)"),
    "page faults": SYSCALL.format(call="323, 1"),
    "files in memory": SYSCALL.format(call="319, b'x', 0"),
    "other table": SYSCALL.format(call="0x40000000 + 39"),
    "terminal input": (
        'python -c "import fcntl, os; m, s = os.openpty();'
        " fcntl.ioctl(s, 0x5412, b'x'); print('GOT')\""
    ),
}

BOMBS: Mapping[str, tuple[str, str]] = {
    "processes": ("b() { b | b & }; b; sleep 0.5; exit 3", "ended"),
    "processes that ignore signals": (
        'python -c "import os, signal\nsignal.signal(15, signal.SIG_IGN)\n'
        'while True:\n  try: os.fork()\n  except OSError: pass"',
        "timeout",
    ),
    "threads": (
        'python -c "import threading, time\nwhile True:'
        ' threading.Thread(target=time.sleep, args=(0.2,)).start()"',
        "ended",
    ),
    "memory": ('python -c "a = []\nwhile True: a.append(bytearray(10**7))"', "ended"),
    "shared memory": (
        'python -c "import mmap, time\nm = mmap.mmap(-1, 150 * 2**20)\n'
        'for i in range(0, len(m), 4096): m[i] = 1\ntime.sleep(5)"',
        "memory",
    ),
    "memory of many": (
        "for i in 1 2 3; do python -c \"import time; a = b'x' * (60 * 2**20); time.sleep(5)\" & "
        "done; wait",
        "memory",
    ),
    "one file": ("head -c 100000000 /dev/zero > big; wc -c < big | grep -x 10485760", "ended"),
    "many files": (
        "i=0; while [ $i -lt 99 ]; do i=$((i+1)); head -c 9000000 /dev/zero > big$i; "
        "sleep 0.05; done",
        "disk",
    ),
    "temporary files": ("cat /dev/zero > /tmp/a; cat /dev/zero > /tmp/b; du -sm /tmp", "ended"),
    "shared memory files": ("cat /dev/zero > /dev/shm/a; cat /dev/zero > /dev/shm/b", "ended"),
    "time": ("sleep 60", "timeout"),
    "time in the background": ("setsid sleep 60 & sleep 60", "timeout"),
    "output": ("cat /dev/zero", "output"),
}
"""What uses too much, and the limit that ends it; `ended` if the kernel refuses it."""

PYTHON_ESCAPES: Mapping[str, str] = {
    "file": "open('/etc/passwd').read()",
    "file by pathlib": "import pathlib\npathlib.Path('/etc/passwd').read_text()",
    "writing": "open('/tmp/agentkit-was-here', 'w').write('x')",
    "folder": "import os\nos.listdir('/')",
    "environment": "import os\nos.environ['SECRET']",
    "environment by function": "import os\nos.getenv('SECRET') + ''",
    "shell": "import os\nos.system('id')",
    "process": "import subprocess\nsubprocess.run(['id'])",
    "network": "import socket\nsocket.create_connection(('127.0.0.1', {port}))",
    "download": "import urllib.request\nurllib.request.urlopen('http://127.0.0.1:{port}')",
    "libraries": "import ctypes\nctypes.CDLL(None)",
    "import by name": "__import__('os').system('id')",
    "import library": "import importlib\nimportlib.import_module('subprocess')",
    "classes": "().__class__.__base__.__subclasses__()",
    "globals of a function": "def f(): pass\nf.__globals__['__builtins__']",
    "code object": "def f(): pass\nf.__code__.replace(co_code=b'')",
    "frames": "import sys\nsys._getframe(0).f_globals",
    "modules": "import sys\nsys.modules['os'].system('id')",
    "builtins": "import builtins\nbuiltins.open('/etc/passwd')",
    "eval": "eval(\"__import__('os').system('id')\")",
    "exec": "exec(\"import subprocess\\nsubprocess.run(['id'])\")",
    "format": "'{{0.__class__.__init__.__globals__}}'.format(type)",
    "pickle": "import pickle\npickle.loads(b'cos\\nsystem\\n(S\"id\"\\ntR.')",
    "garbage": "import gc\ngc.get_objects()",
    "deep": "def f(n): return f(n + 1)\nf(0)",
    "memory": "a = []\nwhile True: a.append('x' * 1000000)",
    "large number": "9 ** 9 ** 9",
    "large text": "'x' * 10 ** 12",
    "time": "while True: pass",
    "pattern": "import re\nre.match('(a+)+$', 'a' * 40 + 'b') or 1 / 0",
    "printing": "while True: print('x' * 1000)",
    "calls": "while True: price('x')",
}
"""For Monty: each must be an error."""
