import json
import threading
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

WAIT = 60.0  # seconds


class Listener:
    """A server that is told of replies. It answers nothing while it `holds`, and 500 to as many as
    it is to `refuse`."""

    def __init__(self):
        self.told = []  # receiver and reply of each call
        self.refuse = 0
        self._changed = threading.Condition()
        self._open = threading.Event()
        self._open.set()

    def __enter__(self):
        listener = self

        class Handler(BaseHTTPRequestHandler):
            def do_POST(self):
                said = json.loads(self.rfile.read(int(self.headers["Content-Length"])))
                self.send_response(listener._hear(self.path.strip("/"), said))
                self.send_header("Content-Length", "0")
                self.end_headers()

            def log_message(self, *_):
                """Nothing."""

        self._server = Server(("127.0.0.1", 0), Handler)
        threading.Thread(target=self._server.serve_forever).start()
        self.address = f"http://127.0.0.1:{self._server.server_port}/"
        return self

    def __exit__(self, *_):
        self.let_go()
        self._server.shutdown()
        self._server.server_close()

    def _hear(self, receiver, said):
        with self._changed:
            self.told.append((receiver, said["id"]))
            self.refuse -= 1
            refused = self.refuse >= 0
            self._changed.notify_all()
        self._open.wait(WAIT)
        return 500 if refused else 204

    def hold(self):
        self._open.clear()

    def let_go(self):
        self._open.set()

    def wait_for(self, *told):
        """Returns when all of these were told."""
        with self._changed:
            assert self._changed.wait_for(lambda: {*told} <= {*self.told}, WAIT), self.told

    def wait_until_told(self, count):
        """Returns when there were so many calls."""
        with self._changed:
            assert self._changed.wait_for(lambda: len(self.told) >= count, WAIT), self.told


class Server(ThreadingHTTPServer):
    daemon_threads = True
    request_queue_size = 128

    def handle_error(self, *_):
        """Whoever asked was killed."""
