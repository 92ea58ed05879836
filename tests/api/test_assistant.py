"""The MCP server by the SDK's own client: over HTTP in the app, and over standard input of the command."""

from __future__ import annotations

import os
import sys
import threading
from collections.abc import Iterator
from typing import Any

import anyio
import httpx2
import pytest
import uvicorn
from fastapi.testclient import TestClient
from mcp import Client, StdioServerParameters
from mcp.client.streamable_http import streamable_http_client

from include.api import VERSION
from include.api.app import create_app
from include.settings import REPO, Settings
from tests.api.conftest import LogIn
from tests.support.processes import free_port, wait_until

pytestmark = pytest.mark.integration


@pytest.fixture(scope="module")
def key(api: TestClient, log_in: LogIn) -> str:
    wanted = {"name": "assistant", "workspace": "demo"}
    return str(api.post("/api/v1/auth/keys", headers=log_in("ana"), json=wanted).json()["key"])


@pytest.fixture(scope="module")
def address(site: Settings) -> Iterator[str]:
    """The app on a port."""
    port = free_port()
    server = uvicorn.Server(uvicorn.Config(create_app(site), host="127.0.0.1", port=port, log_level="warning"))
    thread = threading.Thread(target=server.run)
    thread.start()
    wait_until(lambda: server.started, 20, "the app answers")
    yield f"http://127.0.0.1:{port}/mcp"
    server.should_exit = True
    thread.join()


def converse(transport: Any) -> dict[str, Any]:
    """A conversation; what the server said."""
    said: dict[str, Any] = {}

    async def talk() -> None:
        with anyio.fail_after(60):
            async with Client(transport) as client:
                said["server"] = client.server_info
                said["tools"] = (await client.list_tools()).tools
                for name, tool, given in (
                    ("workspaces", "list_workspaces", {}),
                    ("performance", "performance", {"group_by": ["campaign"], "order_by": "roas"}),
                    ("anomalies", "list_anomalies", {"limit": 2}),
                    ("insights", "list_insights", {}),
                    ("summary", "summarise", {}),
                    ("stranger", "performance", {"workspace": "other"}),
                    ("insight", "insight_rows", {"insight_id": 6}),
                    ("wrong", "performance", {"date_from": "yesterday"}),
                    ("unknown", "list_anomalies", {"account_id": "1"}),
                ):
                    said[name] = await client.call_tool(tool, given)

    anyio.run(talk)
    return said


def checked(said: dict[str, Any]) -> None:
    """The tools only read, answer from the marts, and keep to the key's workspace."""
    assert (said["server"].name, said["server"].version) == ("insightflow", VERSION)
    assert len(said["tools"]) >= 8
    assert all(tool.annotations.read_only_hint for tool in said["tools"])
    assert said["workspaces"].structured_content == {"workspaces": [{"workspace": "demo", "role": "viewer"}]}
    found = said["performance"].structured_content
    assert [(row["campaign_id"], row["cost"]) for row in found["items"]] == [("c1", 40), ("c2", 60), ("c3", 60)]
    assert [a["kind"] for a in said["anomalies"].structured_content["items"]] == ["cpc_jump", "spend_stop"]
    assert {i["workspace"] for i in said["insights"].structured_content["items"]} == {"demo"}
    assert "160.00 USD" in said["summary"].structured_content["text"]
    for name, sentence in (
        ("stranger", "no workspace other"), ("insight", "no insight 6"), ("wrong", "date_from"),
        ("unknown", "no argument account_id here; known are date_from, date_to, limit, platform, severity, workspace"),
    ):  # fmt: skip
        assert said[name].is_error, name
        assert sentence in said[name].content[0].text, said[name].content[0].text


def test_an_assistant_asks_over_http(address: str, key: str) -> None:
    client = httpx2.AsyncClient(headers={"Authorization": f"Bearer {key}"})
    checked(converse(streamable_http_client(address, http_client=client)))


def test_an_assistant_asks_over_standard_input(site: Settings, key: str) -> None:
    names = ("clickhouse_port", "postgres_port", "api_port", "airflow_port", "home")
    settings = {f"INSIGHTFLOW_{name.upper()}": str(getattr(site, name)) for name in names}
    checked(
        converse(
            StdioServerParameters(
                command=sys.executable,
                args=["-m", "include.cli", "mcp"],
                env={**os.environ, **settings, "INSIGHTFLOW_API_KEY": key},
                cwd=str(REPO),
            )
        )
    )


def test_a_stranger_is_not_answered(api: TestClient, log_in: LogIn) -> None:
    question = {"jsonrpc": "2.0", "id": 1, "method": "tools/list"}
    for headers in ({}, {"Authorization": "Bearer nonsense"}, {"X-API-Key": "ifk_" + "0" * 43}):
        for method in ("POST", "GET", "DELETE"):
            answer = api.request(method, "/mcp", headers=headers, json=question)
            assert (answer.status_code, answer.headers["www-authenticate"]) == (401, "Bearer")
