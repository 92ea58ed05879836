"""Summaries in words: exact by templates; by a model only where every number is one of the facts."""

from __future__ import annotations

import json
import threading
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any

import pytest
from fastapi.testclient import TestClient
from pydantic import SecretStr

from include.api.app import create_app
from include.api.narrative.check import inventions
from include.api.narrative.facts import Fact
from include.settings import Settings
from tests.api.conftest import LogIn

URL = "/api/v1/insights/summary/text"
FACTS = [
    Fact(name="last day", value="2026-06-30"),
    Fact(name="spend", value=41892.4, unit="USD"),
    Fact(name="change of spend", value=-12.34, unit="%"),
    Fact(name="roas", value=2.25),
    Fact(name="open insights", value=3.0),
    Fact(name="insight 1", value="Brand 2024 stopped: 5 days"),
]


@pytest.mark.parametrize(
    "text",
    [
        "Spend fell 12.3 % to 41,892 USD on 30 June 2026; ROAS was 2.25.",
        "On June 30, spend was $41.9k, down 12 percent.",
        "Three insights are open. Look first at: Brand 2024 stopped: 5 days.",
        "Nothing to add.",
    ],
)
def test_what_the_facts_say_passes(text: str) -> None:
    assert inventions(text, FACTS) == []


@pytest.mark.parametrize(
    ("text", "found"),
    [
        ("Spend was 41,893 USD.", "41,893 USD"),
        ("Spend fell 12.4 %.", "12.4 %"),
        ("ROAS rose 2.25 %.", "2.25 %"),
        ("Spend was 41,892 EUR.", "41,892 EUR"),
        ("Spend was €41,892.", "€41,892"),
        ("Four insights are open.", "four"),
        ("Spend doubled.", "doubled"),
        ("Since 29 June 2026 it is so.", "29"),
        ("Brand 2023 stopped.", "2023"),
        ("Spend was ٤٢.", "digits that are not readable"),
        ("See https://evil.example for more.", "it has links or markup"),
        ("", "it is empty"),
    ],
)
def test_what_is_invented_is_found(text: str, found: str) -> None:
    assert found in inventions(text, FACTS)


class Model:
    """A language model's server of a third party: speaks OpenAI's chat completions, says what it is told to."""

    def __init__(self) -> None:
        self.says = ""
        self.status = 200
        self.asked: list[dict[str, Any]] = []
        model = self

        class Handler(BaseHTTPRequestHandler):
            def do_POST(self) -> None:
                body = json.loads(self.rfile.read(int(self.headers["Content-Length"])))
                model.asked.append(body | {"path": self.path, "key": self.headers["Authorization"]})
                answer = json.dumps({"choices": [{"message": {"role": "assistant", "content": model.says}}]}).encode()
                self.send_response(model.status)
                self.send_header("Content-Length", str(len(answer)))
                self.end_headers()
                self.wfile.write(answer)

            def log_message(self, *_: Any) -> None:
                pass

        self.server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        self.url = f"http://127.0.0.1:{self.server.server_address[1]}/v1"


@pytest.fixture
def model() -> Iterator[Model]:
    made = Model()
    thread = threading.Thread(target=made.server.serve_forever, args=(0.05,))
    thread.start()
    yield made
    made.server.shutdown()
    made.server.server_close()
    thread.join()


@pytest.mark.integration
def test_templates_are_the_default(api: TestClient, log_in: LogIn) -> None:
    told = api.get(URL, headers=log_in("ana")).json()
    assert (told["written_by"], told["note"]) == ("template", "")
    assert told["text"] == (
        "On Tuesday 30 June 2026, 160.00 USD was spent for 360.00 USD of value, a ROAS of 2.25. Against the period "
        "before, spend rose by 100.0 %, value fell by 10.0 %, ROAS fell by 55.0 % and the cost per conversion rose by "
        "100.0 %. Brand earned the most: 250.00 USD. Video lost the most: 60.00 USD. 1 campaign spent 60.00 USD without "
        "a conversion, 37.5 % of spend. 4 insights are open, with 600.00 USD at stake. Look first at: demo finding 2. "
        "The numbers of 1 day may still change."
    )
    assert inventions(told["text"], [Fact.model_validate(fact) for fact in told["facts"]]) == []
    assert api.get(URL, headers=log_in("otto"), params={"workspace": "demo"}).status_code == 404


@pytest.mark.integration
def test_the_text_looks_first_at_what_the_inbox_begins_with(api: TestClient, log_in: LogIn) -> None:
    """Not at most money: finding 3 is of more, and half as sure."""
    first = api.get("/api/v1/insights", headers=log_in("ana"), params={"status": "open"}).json()["items"][0]
    assert f"Look first at: {first['title']}." in api.get(URL, headers=log_in("ana")).json()["text"]


@pytest.mark.integration
@pytest.mark.parametrize(
    ("says", "status", "by", "note"),
    [
        ("Spend was 160 USD for 360 USD of value. Brand earned 250 USD.", 200, "model", ""),
        ("Spend was 165 USD, a great day.", 200, "template", "165 USD"),
        ("", 200, "template", "empty"),
        ("x", 500, "template", "did not answer"),
    ],
)
def test_a_model_words_the_same_facts_or_is_not_shown(
    site: Settings, log_in: LogIn, model: Model, says: str, status: int, by: str, note: str
) -> None:
    model.says, model.status = says, status
    given = {"llm_url": model.url, "llm_model": "small", "llm_key": SecretStr("secret")}
    with TestClient(create_app(site.model_copy(update=given))) as client:
        told = client.get(URL, headers=log_in("ana")).json()
        client.get(URL, headers=log_in("ana"))
    assert told["written_by"] == by
    assert note in told["note"]
    assert (told["text"] == says) == (by == "model")
    assert len(model.asked) == 1  # the second answer was kept
    assert (model.asked[0]["path"], model.asked[0]["key"]) == ("/v1/chat/completions", "Bearer secret")
    sent = json.loads(model.asked[0]["messages"][1]["content"])
    assert {"name": "spend", "value": "160.00 USD"} in sent
    assert "other" not in json.dumps(sent)
