"""Serving: uvicorn as we run it, for `wardlight serve` and for the tests.

Believes no forwarding header, logs no address that was asked for (an address may say who is ill), and names no version.
"""

import uvicorn
from fastapi import FastAPI


def make_server(app: FastAPI, host: str, port: int) -> uvicorn.Server:
    """Return a server that `run()` starts and `should_exit = True` stops; open event streams are cut after a second."""
    config = uvicorn.Config(
        app,
        host=host,
        port=port,
        access_log=False,
        log_config=None,
        proxy_headers=False,
        server_header=False,
        timeout_graceful_shutdown=1,
    )
    return uvicorn.Server(config)
