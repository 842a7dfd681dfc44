"""Serves one model file on loopback until its standard input ends. Run by `lore model serve`."""

import json
import os
import sys
import threading

import xllamacpp

options = json.loads(sys.argv[1])
params = xllamacpp.CommonParams()
params.model.path = options["file"]
params.hostnames = ["127.0.0.1"]
params.port = options["port"]
params.n_ctx = options["window"]
params.n_parallel = 1
params.cpuparams.n_threads = options["threads"]
params.cpuparams_batch.n_threads = options["threads"]
# Where clients ask for the window.
params.endpoint_props = True
params.model_alias = {options["name"]}


def stop_with_parent():
    sys.stdin.buffer.read()
    os._exit(0)


threading.Thread(target=stop_with_parent, daemon=True).start()
server = xllamacpp.Server(params)
print(json.dumps({"address": server.listening_address}), flush=True)
threading.Event().wait()
