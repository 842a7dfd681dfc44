"""Serves a GGUF model file on loopback, for measurements: OpenAI's chat completions over HTTP.

    python3 scripts/local_model.py FILE --sha256 HEX [--threads 1] [--context 4096]

Needs the package `xllamacpp` (llama.cpp's server, prebuilt). The file's hash is checked first. When it
serves, one line on stdout says where: `http://127.0.0.1:PORT/v1`. It ends when its standard input does,
so that it never outlives what started it. Exit status 3: no runtime, no file or another file.
"""

import argparse
import hashlib
import os
import socket
import sys


def refuse(reason):
    print(reason, file=sys.stderr)
    sys.exit(3)


def free_port():
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return probe.getsockname()[1]


def digest(path):
    with open(path, "rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("file")
    parser.add_argument("--sha256", required=True)
    parser.add_argument("--threads", type=int, default=1)
    parser.add_argument("--context", type=int, default=4096)
    args = parser.parse_args()
    try:
        import xllamacpp
    except ImportError:
        refuse("no runtime: the Python package xllamacpp is not installed")
    if not os.path.isfile(args.file):
        refuse(f"no model file {args.file}")
    if digest(args.file) != args.sha256:
        refuse(f"{args.file} has another hash than the pinned one")
    params = xllamacpp.CommonParams()
    params.model.path = args.file
    params.hostnames = ["127.0.0.1"]
    params.port = free_port()
    params.n_ctx = args.context
    params.n_parallel = 1
    params.cpuparams.n_threads = args.threads
    params.cpuparams_batch.n_threads = args.threads
    params.verbosity = -1
    params.ui = False
    server = xllamacpp.Server(params)
    print(f"{server.listening_address}/v1", flush=True)
    sys.stdin.read()
    # The runtime's threads have nothing to save.
    os._exit(0)


main()
