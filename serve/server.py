"""A server that listens until it is told to stop."""

from __future__ import annotations

import ipaddress
import logging

import uvicorn
from fastapi import FastAPI

from rarefy.errors import InputError
from rarefy.serve.connection import connection
from rarefy.serve.keys import Keys
from rarefy.serve.limits import Limits

__all__ = ["check_address", "run"]

GRACE = 30
"""Seconds that running requests have to end when the server is told to stop."""


def check_address(host: str, keys: Keys | None) -> None:
    """Refuse an address that others reach while there are no keys.

    Raises
    ------
    InputError
        If it is not of this machine's loopback, and there are no keys.
    """
    try:
        loopback = ipaddress.ip_address(host).is_loopback
    except ValueError:
        loopback = host == "localhost"
    if keys is None and not loopback:
        raise InputError(
            f"the host is {host}, which others reach, and there are no API keys: name a file of "
            f"keys, or serve 127.0.0.1"
        )


def run(
    app: FastAPI,
    *,
    host: str = "127.0.0.1",
    port: int = 8000,
    keys: Keys | None = None,
    limits: Limits | None = None,
) -> None:
    """Serve an app until SIGTERM or SIGINT; then requests end, and changes are committed.

    Parameters
    ----------
    app
        What `create_app` returned.
    host, port
        Where to listen; port 0 takes a free one, which the log names.
    keys, limits
        What the app was made with.

    Raises
    ------
    InputError
        If others reach the host, and there are no keys.
    """
    check_address(host, keys)
    config = uvicorn.Config(
        app,
        host=host,
        port=port,
        http=connection((limits or Limits()).head_seconds),
        ws="none",
        log_config=None,
        log_level=logging.WARNING if port else logging.INFO,
        access_log=False,  # the gate writes what happens, without what was asked
        server_header=False,
        proxy_headers=False,
        timeout_graceful_shutdown=GRACE,
    )
    uvicorn.Server(config).run()
