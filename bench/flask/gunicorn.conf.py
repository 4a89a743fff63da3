"""As many sync workers as the bench says, usually the cores."""

import json
import os

bind = "127.0.0.1:0"
workers = int(os.environ["WORKERS"])
worker_class = "sync"
# A whole table takes its time.
timeout = 600
loglevel = "warning"
control_socket_disable = True


def when_ready(server):
    print(json.dumps({"port": server.LISTENERS[0].getsockname()[1]}), flush=True)
