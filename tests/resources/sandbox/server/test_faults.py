"""Each kind of fault reaches the client as it would in the wild."""

import threading
import time
from concurrent.futures import ThreadPoolExecutor
from datetime import UTC, datetime
from email.utils import parsedate_to_datetime

import httpx
import pytest

from resources.sandbox.account.handmade import HandmadeAccount
from resources.sandbox.server.faults import Fault, Faults, Kind
from resources.sandbox.server.server import SandboxServer
from tests.resources.sandbox.api import Api, campaign
from tests.resources.sandbox.conftest import Serve


@pytest.fixture
def api(serve: Serve, five: HandmadeAccount) -> Api:
    return serve(five)


def page(api: Api, **parameters: object) -> httpx.Response:
    return api.post("campaign/data", campaign="cam_1", **parameters)


@pytest.mark.parametrize("kind", ["408", "500", "502", "503", "504"])
def test_server_errors_come_with_an_html_body_and_then_stop(api: Api, kind: Kind) -> None:
    api.server.faults.add(Fault(kind, times=2))
    responses = [page(api) for _ in range(3)]
    assert [response.status_code for response in responses] == [int(kind), int(kind), 200]
    assert responses[0].headers["content-type"].startswith("text/html")
    assert responses[0].text.startswith("<!DOCTYPE html>")


def test_too_many_requests_names_seconds_to_wait(api: Api) -> None:
    api.server.faults.add(Fault("429", retry_after=7), Fault("429", retry_after=None))
    first, second = page(api), page(api)
    assert (first.status_code, first.headers["retry-after"]) == (429, "7")
    assert second.status_code == 429
    assert "retry-after" not in second.headers


def test_too_many_requests_can_name_a_moment(api: Api) -> None:
    api.server.faults.add(Fault("429", retry_after=60, as_http_date=True))
    moment = parsedate_to_datetime(page(api).headers["retry-after"])
    assert 50 < (moment - datetime.now(UTC)).total_seconds() <= 61


@pytest.mark.parametrize(("kind", "wait"), [("429", "in a while"), ("503", "in a while")])
def test_the_wait_can_be_any_text(api: Api, kind: Kind, wait: str) -> None:
    api.server.faults.add(Fault(kind, retry_after=wait), Fault("429", retry_after=-60, as_http_date=True))
    assert page(api).headers["retry-after"] == wait
    assert parsedate_to_datetime(page(api).headers["retry-after"]) < datetime.now(UTC)


def test_a_reset_before_the_answer_is_a_network_error(api: Api) -> None:
    api.server.faults.add(Fault("reset"))
    with pytest.raises(httpx.NetworkError):
        page(api)
    assert page(api).status_code == 200
    assert [(entry.status, entry.fault) for entry in api.server.requests] == [(0, "reset"), (200, None)]


def test_a_reset_in_mid_body_breaks_the_answer_that_had_begun(api: Api) -> None:
    length = len(page(api).content)
    api.server.faults.add(Fault("reset_in_body"))
    with api.client.stream("POST", "campaign/data", json={"campaign": "cam_1"}) as response:
        assert response.status_code == 200
        assert int(response.headers["content-length"]) == length
        with pytest.raises((httpx.NetworkError, httpx.RemoteProtocolError)):
            response.read()


@pytest.mark.parametrize("kind", ["short_body", "cut_chunks"])
def test_a_body_can_end_before_its_end(api: Api, kind: Kind) -> None:
    right = page(api).content
    api.server.faults.add(Fault(kind))
    with api.client.stream("POST", "campaign/data", json={"campaign": "cam_1"}) as response:
        assert response.headers.get("content-length") == (str(len(right)) if kind == "short_body" else None)
        with pytest.raises(httpx.RemoteProtocolError, match="without sending complete message body"):
            response.read()
    assert page(api).content == right


def test_a_dripping_body_is_the_right_one_little_by_little(api: Api) -> None:
    right = page(api).content
    api.server.faults.add(Fault("drip", seconds=0.3))
    began = time.monotonic()
    with api.client.stream("POST", "campaign/data", json={"campaign": "cam_1"}) as response:
        pieces = list(response.iter_raw())
    assert b"".join(pieces) == right
    assert len(pieces) > 10
    assert time.monotonic() - began >= 0.25


def test_gzip_can_be_cut_or_broken(api: Api) -> None:
    right = page(api).content
    api.server.faults.add(Fault("cut_gzip"), Fault("broken_gzip"))
    cut = page(api).content
    assert len(cut) < len(right)
    assert right.startswith(cut)
    with pytest.raises(httpx.DecodingError):
        page(api)


def test_a_stall_is_the_right_answer_late(api: Api) -> None:
    right = page(api).content
    api.server.faults.add(Fault("stall", seconds=0.2))
    began = time.monotonic()
    assert page(api).content == right
    assert time.monotonic() - began >= 0.2


def test_a_stall_outlasts_the_patience_of_a_client(api: Api) -> None:
    api.server.faults.add(Fault("stall", seconds=0.3))
    with pytest.raises(httpx.ReadTimeout):
        api.client.post("campaign/data", json={"campaign": "cam_1"}, timeout=0.1)


def test_a_stall_does_not_hold_up_the_end_of_the_server(five: HandmadeAccount) -> None:
    reached = threading.Event()

    def stalled(_: object) -> bool:
        reached.set()
        return True

    server = SandboxServer(five, faults=Faults([Fault("stall", seconds=30, when=stalled)]))
    with ThreadPoolExecutor(1) as pool:
        with server:
            keys = {"client_id": server.client_id, "client_secret": server.client_secret}
            answer = pool.submit(httpx.post, f"{server.url}/v3/coupon/list", json=keys, timeout=20)
            assert reached.wait(5)
            began = time.monotonic()
        assert time.monotonic() - began < 2
        assert answer.result().status_code == 200


def test_truncated_json_comes_in_a_complete_answer(api: Api) -> None:
    right = page(api).content
    api.server.faults.add(Fault("truncated"), Fault("truncated_after_record"))
    cut, at_record = page(api), page(api)
    assert cut.status_code == at_record.status_code == 200
    for response in (cut, at_record):
        assert int(response.headers["content-length"]) == len(response.content) < len(right)
        assert right.startswith(response.content)
        with pytest.raises(ValueError, match=r"Expecting|Unterminated|Invalid"):
            response.json()
    assert at_record.content.endswith(b"}}")


def test_truncating_after_the_only_record_leaves_that_record(serve: Serve) -> None:
    api = serve(HandmadeAccount([campaign()], {"cam_1": [{"session": "s"}]}))
    api.server.faults.add(Fault("truncated_after_record"))
    assert page(api).content.endswith(b'"data":[{"session":"s"}')


@pytest.mark.parametrize(
    ("kind", "content_type", "body"),
    [
        ("empty", "application/json", b""),
        ("wrong_shape", "application/json", b'["neither","an","envelope"]'),
        ("html", "text/html", None),
    ],
)
def test_useless_bodies_come_with_http_200(api: Api, kind: Kind, content_type: str, body: bytes | None) -> None:
    api.server.faults.add(Fault(kind))
    response = page(api)
    assert response.status_code == 200
    assert response.headers["content-type"].startswith(content_type)
    assert response.content == body or (body is None and b"<html>" in response.content)


def test_the_right_json_can_claim_to_be_html(api: Api) -> None:
    right = page(api).json()
    api.server.faults.add(Fault("content_type"))
    response = page(api)
    assert response.headers["content-type"].lower() == "text/html; charset=utf-8"
    assert response.json() == right


def test_a_failure_can_come_with_http_200_and_any_code(api: Api) -> None:
    api.server.faults.add(Fault("failed", error_code=101))
    assert api.codes("campaign/data", campaign="cam_1") == (200, [101])


def test_revoked_keys_stay_revoked_until_the_faults_are_cleared(api: Api) -> None:
    api.server.faults.add(Fault("revoked", path="v3/campaign/*"))
    assert api.post("coupon/list").status_code == 200
    assert page(api).status_code == 401
    assert api.post("coupon/list").status_code == 401
    assert api.post("coupon/list").json()["status"]["errors"]["error_code"] == 1000
    api.server.faults.clear()
    assert page(api).status_code == 200


class TestRules:
    def test_a_rule_hits_the_paths_and_parameters_it_names(self, api: Api) -> None:
        api.server.faults.add(Fault("500", "v3/campaign/*", when=lambda sent: sent.get("page") == 2, times=None))
        assert [page(api, page=number).status_code for number in (1, 2, 3, 2)] == [200, 500, 200, 500]
        assert api.post("coupon/info", campaign="cam_1", page=2).status_code == 200

    def test_a_rule_can_let_requests_through_first(self, api: Api) -> None:
        api.server.faults.add(Fault("503", skip=2))
        assert [page(api).status_code for _ in range(4)] == [200, 200, 503, 200]

    def test_the_first_rule_that_hits_decides(self, api: Api) -> None:
        api.server.faults.add(Fault("500"), Fault("503"))
        assert [page(api).status_code for _ in range(3)] == [500, 503, 200]
        assert api.server.faults.hits == {"500": 1, "503": 1}

    def test_probability_is_drawn_from_the_seed_and_the_request_not_the_order(self) -> None:
        requests = [("v3/campaign/data", {"campaign": "cam_1", "page": number}) for number in range(1000)]

        def hit(seed: int, order: list[int]) -> set[int]:
            faults = Faults([Fault("500", times=None, probability=0.1)], seed)
            return {number for number in order if faults.pick(*requests[number])}

        forth = hit(1, list(range(1000)))
        assert forth == hit(1, list(range(999, -1, -1))) != hit(2, list(range(1000)))
        assert 60 < len(forth) < 140

    def test_a_request_that_was_hit_may_pass_when_it_is_sent_again(self) -> None:
        faults = Faults([Fault("500", times=None, probability=0.5)])
        hits = [faults.pick("v3/coupon/list", {}) is not None for _ in range(50)]
        assert 10 < sum(hits) < 40


class TestText:
    def test_a_command_line_text_becomes_rules(self, five: HandmadeAccount) -> None:
        faults = Faults.parse("500:1, reset:0", seed=3)
        with Api(SandboxServer(five, faults=faults)) as api:
            assert [page(api).status_code for _ in range(2)] == [500, 500]

    def test_an_empty_text_means_no_faults(self) -> None:
        assert Faults.parse("").pick("v3/coupon/list", {}) is None

    @pytest.mark.parametrize("text", ["flood:0.1", "429", "429:often", "429:1.5", "429:-1", "429:nan"])
    def test_a_wrong_text_is_refused_with_the_rule_that_is_wrong(self, text: str) -> None:
        with pytest.raises(ValueError, match=text):
            Faults.parse(f"500:0.1,{text}")
