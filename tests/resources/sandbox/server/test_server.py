"""The server runs on loopback, remembers what it was asked, and ends cleanly."""

import os
import signal
import socket
import subprocess
import sys
import threading
from concurrent.futures import ThreadPoolExecutor

import httpx
import pytest
from pydantic import ValidationError

from resources.sandbox.account.handmade import HandmadeAccount
from resources.sandbox.assumptions import Assumptions
from resources.sandbox.generated.account import GeneratedAccount
from resources.sandbox.server.clock import Clock
from resources.sandbox.server.server import SandboxServer
from tests.resources.sandbox.api import NOW, Api
from tests.resources.sandbox.conftest import Serve

SERVE = """
from resources.sandbox.generated.account import GeneratedAccount
from resources.sandbox.server.server import serve

serve(GeneratedAccount())
"""


def test_the_log_holds_what_was_asked_but_no_keys(serve: Serve, five: HandmadeAccount) -> None:
    api = serve(five)
    keys = {"client_id": "sandbox-client", "client_secret": "sandbox-secret"}
    api.anonymous.post("campaign/data", json={**keys, "campaign": "cam_1", "page": 2, "start_date": None})
    api.post("coupon/info", campaign="cam_9")
    api.post("nowhere")
    first, second, third = api.server.requests
    assert (first.method, first.path, first.status, first.time) == ("POST", "v3/campaign/data", 200, NOW)
    assert first.parameters == {"campaign": "cam_1", "page": 2}
    assert (first.authentication, second.authentication) == (("body",), ("headers",))
    assert (second.status, third.status, third.path) == (422, 404, "v3/nowhere")
    assert first.began <= first.ended <= second.began
    assert "sandbox-secret" not in repr(list(api.server.requests))
    assert api.server.requests[0] == first
    assert api.server.requests[1:] == [second, third]
    api.server.requests.clear()
    assert len(api.server.requests) == 0


def test_other_keys_can_be_chosen(five: HandmadeAccount) -> None:
    with Api(SandboxServer(five, client_id="me", client_secret="mine")) as api:
        assert (api.server.client_id, api.server.client_secret) == ("me", "mine")
        assert api.post("coupon/list").status_code == 200


def test_requests_over_the_limit_have_to_wait(serve: Serve, five: HandmadeAccount) -> None:
    api = serve(five, requests_per_second=3)
    responses = [api.post("coupon/list") for _ in range(5)]
    assert [response.status_code for response in responses[:3]] == [200, 200, 200]
    assert responses[4].status_code == 429
    assert int(responses[4].headers["retry-after"]) >= 1


def test_bodies_are_compressed_only_if_assumed_and_accepted(serve: Serve, five: HandmadeAccount) -> None:
    plain, packed = serve(GeneratedAccount(sessions=1000)), serve(GeneratedAccount(sessions=1000), gzip=True)
    first = plain.call("coupon/list")["coupon_info"][0]["ID"]
    right = plain.post("campaign/data", campaign=first)
    assert "content-encoding" not in right.headers
    response = packed.post("campaign/data", campaign=first)
    assert response.headers["content-encoding"] == "gzip"
    assert response.content == right.content
    refusing = packed.client.post("campaign/data", json={"campaign": first}, headers={"accept-encoding": "identity"})
    assert "content-encoding" not in refusing.headers
    assert "content-encoding" not in serve(five, gzip=True).post("coupon/list").headers


def test_json_is_compact_utf_8(serve: Serve) -> None:
    response = serve(GeneratedAccount(sessions=1000)).post("coupon/list")
    assert response.headers["content-type"] == "application/json; charset=utf-8"
    assert response.content.startswith(b'{"status":{"status":"OK"},"coupon_info":[{"ID":"cam_')
    assert "Фё" not in response.text
    assert "Весенняя".encode() in response.content


def test_many_requests_at_once_are_all_answered_right(generated: Api) -> None:
    ids = [row["ID"] for row in generated.call("coupon/list")["coupon_info"]][:12] * 4
    right = {campaign_id: generated.post("campaign/data", campaign=campaign_id).content for campaign_id in ids}
    with ThreadPoolExecutor(16) as pool:
        answers = pool.map(lambda campaign_id: generated.post("campaign/data", campaign=campaign_id).content, ids)
    assert list(answers) == [right[campaign_id] for campaign_id in ids]


def test_a_server_listens_on_loopback_only_and_frees_its_port(five: HandmadeAccount) -> None:
    with SandboxServer(five) as server:
        assert server.url.startswith("http://127.0.0.1:")
        port = int(server.url.rsplit(":", 1)[1])
        assert httpx.post(f"{server.url}/v3/coupon/list").status_code == 401
    with pytest.raises(httpx.ConnectError):
        httpx.post(f"http://127.0.0.1:{port}/v3/coupon/list")
    with SandboxServer(five, port=port) as again:
        assert again.url.endswith(f":{port}")
    assert not [thread for thread in threading.enumerate() if thread.name == f"sandbox:{port}"]


def test_a_server_can_listen_on_every_address(five: HandmadeAccount) -> None:
    with SandboxServer(five, host="0.0.0.0") as server:
        port = server.url.rsplit(":", 1)[1]
        assert server.url == f"http://{socket.gethostname()}:{port}", "how other machines call it"
        for address in ("127.0.0.1", "127.0.0.2"):
            assert httpx.post(f"http://{address}:{port}/v3/coupon/list").status_code == 401


def test_whoever_listens_beyond_loopback_is_warned() -> None:
    with subprocess.Popen(
        [sys.executable, "-c", SERVE.replace("()", "(), host='0.0.0.0'", 1)], stderr=subprocess.PIPE, text=True
    ) as process:
        assert process.stderr is not None
        assert process.stderr.readline().startswith("Warning: whoever reaches this machine can read and change")
        process.send_signal(signal.SIGINT)


def test_a_port_in_use_is_an_error_at_once(five: HandmadeAccount) -> None:
    with socket.create_server(("127.0.0.1", 0)) as taken, pytest.raises(OSError, match="in use"):
        SandboxServer(five, port=taken.getsockname()[1])


@pytest.mark.skipif(os.name == "nt", reason="needs POSIX signals")
def test_serving_in_the_foreground_gives_the_same_account_and_ends_on_ctrl_c(serve: Serve) -> None:
    with subprocess.Popen(
        [sys.executable, "-c", SERVE], stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True
    ) as process:
        assert process.stdout is not None
        lines = [process.stdout.readline() for _ in range(5)]
        url = lines[1].strip().removeprefix("COUPONTOOLS_API_URL=")
        keys = {"client_id": "sandbox-client", "client_secret": "sandbox-secret"}
        window = {"campaign": "cam_18251", "start_date": "2024-01-01", "end_date": "2024-03-31"}
        there = httpx.post(f"{url}/v3/campaign/data", json={**keys, **window})
        assert there.json()["amount_of_results"] > 0
        assert there.content == serve(GeneratedAccount(), clock=Clock.real()).post("campaign/data", **window).content
        process.send_signal(signal.SIGINT)
        rest, errors = process.communicate(timeout=10)
    assert (process.returncode, rest, errors) == (0, "Sandbox ended.\n", "")


@pytest.mark.parametrize(
    "wrong", [{"session_page_size": 0}, {"past_end": "crash"}, {"requests_per_second": 0}, {"unknown": 1}]
)
def test_an_assumption_that_is_none_is_refused(wrong: dict[str, object]) -> None:
    with pytest.raises(ValidationError, match=next(iter(wrong))):
        Assumptions.model_validate(wrong)


EVIDENCE = ("official", "client", "hint", "inferred", "unknown")


def test_every_assumption_says_what_it_is_and_how_well_it_is_known() -> None:
    for name, field in Assumptions.model_fields.items():
        assert field.description, name
        assert any(word in field.description.lower() for word in EVIDENCE), name
