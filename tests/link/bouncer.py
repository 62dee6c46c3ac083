"""A real pgbouncer, in transaction mode and otherwise as it comes."""

import shutil
import socket
import subprocess
import tempfile
import time
from pathlib import Path

PGBOUNCER = shutil.which("pgbouncer", path="/usr/sbin:/usr/bin:/usr/local/bin")
STARTS = 10.0  # seconds
CONFIG = """
[databases]
* = host={server[0]} port={server[1]}
[pgbouncer]
listen_addr = 127.0.0.1
listen_port = {port}
unix_socket_dir =
auth_type = trust
auth_file = {directory}/users
pool_mode = transaction
"""


class Bouncer:
    """`with Bouncer(server, port) as bouncer:` leads to `server` until the block ends."""

    def __init__(self, server, port):
        self.server, self.port = server, port

    def __enter__(self):
        self._directory = Path(tempfile.mkdtemp(prefix="pgbouncer-"))
        self._directory.chmod(0o755)  # it runs as another user
        (self._directory / "users").write_text('"postgres" ""\n')
        config = self._directory / "pgbouncer.ini"
        config.write_text(CONFIG.format(**vars(self), directory=self._directory))
        command = [PGBOUNCER, "-q", "-u", "postgres", str(config)]
        with (self._directory / "log").open("w") as log:
            self._process = subprocess.Popen(command, stdout=log, stderr=log)
        self._wait_until_up()
        return self

    def _wait_until_up(self):
        deadline = time.monotonic() + STARTS
        while self._process.poll() is None and time.monotonic() < deadline:
            try:
                socket.create_connection(("127.0.0.1", self.port), 1).close()
                return
            except OSError:
                time.sleep(0.05)
        raise AssertionError(f"it did not start: {(self._directory / 'log').read_text()}")

    def __exit__(self, *_):
        self._process.terminate()
        self._process.wait()
        shutil.rmtree(self._directory)
