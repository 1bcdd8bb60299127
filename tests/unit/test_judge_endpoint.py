"""A judge behind an endpoint: what it is asked, what is read of its answers, and how it fails."""

import math
from collections.abc import Callable, Iterator

import httpx
import pytest

from socratic.config import JudgeModel
from socratic.critics.endpoint import KEY_VARIABLE, MAX_REASON, TRIES, EndpointReader, check_address
from socratic.errors import ConfigError, PlayError
from socratic.policy.asking import ask
from socratic.records import Json
from socratic.seeds import Seed
from tests.unit.judges import JUDGEMENT, Server, serving

pytestmark = pytest.mark.enable_socket

ASKED = ask(JUDGEMENT, Seed(5))
KEY = "sk-not-to-be-seen"


def chat_reply(**logprobs: float) -> Json:
    listed: list[Json] = [{"token": token, "logprob": logprob, "bytes": None} for token, logprob in logprobs.items()]
    return {
        "object": "chat.completion",
        "choices": [{"index": 0, "message": {"content": "B"}, "logprobs": {"content": [{"token": "B", "top_logprobs": listed}]}}],
    }


@pytest.fixture
def server(monkeypatch: pytest.MonkeyPatch) -> Iterator[Server]:
    monkeypatch.setenv(KEY_VARIABLE, KEY)
    for name in ("HTTP_PROXY", "http_proxy", "ALL_PROXY", "all_proxy"):
        monkeypatch.delenv(name, raising=False)
    with serving() as running:
        yield running


def read(server: Server, waited: list[float] | None = None, path: str = "") -> tuple[float, ...]:
    wait: Callable[[float], None] = ([] if waited is None else waited).append
    (shares,) = EndpointReader(JudgeModel(source=server.address + path, name="judge-1"), wait=wait).read([ASKED], None)
    return shares


def test_a_chat_is_asked_for_the_labels_and_their_probabilities_are_the_shares(server: Server) -> None:
    # Tokens with and without the space before them are one label; others count for nothing.
    server.replies = [(200, chat_reply(A=math.log(0.2), B=math.log(0.4), **{" B": math.log(0.2), "The": math.log(0.1)}))]
    assert read(server) == pytest.approx((0.25, 0.75))
    (asked,) = server.asked
    assert server.paths == ["/v1/chat/completions"]
    assert server.keys == [f"Bearer {KEY}"]
    assert asked["messages"] == [{"role": "user", "content": ASKED.text}]
    assert (asked["model"], asked["logprobs"], asked["top_logprobs"], asked["max_tokens"]) == ("judge-1", True, 20, 1)


def test_a_completion_goes_on_after_the_nonce(server: Server) -> None:
    server.replies = [(200, {"choices": [{"text": " A", "logprobs": {"top_logprobs": [{" A": math.log(0.6), " B": math.log(0.3)}]}}]})]
    assert read(server, path="/completions") == pytest.approx((2 / 3, 1 / 3))
    assert server.paths == ["/v1/completions"]
    assert str(server.asked[0]["prompt"]).endswith(f"Answer {ASKED.nonce}:")


def test_what_it_writes_is_not_looked_at(server: Server) -> None:
    server.replies = [(200, chat_reply(A=math.log(0.9), B=math.log(0.1)))]  # the message says B
    assert read(server) == pytest.approx((0.9, 0.1))


def test_without_a_label_among_the_alternatives_it_cannot_say(server: Server) -> None:
    server.replies = [(200, chat_reply(The=-0.1, I=-3.0))]
    assert read(server) == (math.nan, math.nan)


def test_a_server_that_is_back_in_time_changes_nothing(server: Server) -> None:
    server.replies = [(500, "oops"), (429, "slow"), (200, chat_reply(A=-0.7, B=-0.7))]
    waited: list[float] = []
    assert read(server, waited) == (0.5, 0.5)
    assert waited == [1.0, 2.0]


def test_a_server_that_stays_down_is_given_up(server: Server) -> None:
    server.replies = [(503, "down")]
    waited: list[float] = []
    with pytest.raises(PlayError, match=rf"did not answer in {TRIES} tries \(status 503\); try again later") as caught:
        read(server, waited)
    assert len(server.asked) == TRIES
    assert waited == [1.0, 2.0, 4.0, 8.0]
    assert KEY not in str(caught.value)


def test_a_server_that_answers_too_late_or_not_at_all_is_given_up() -> None:
    def late(request: httpx.Request) -> httpx.Response:
        raise httpx.ReadTimeout(f"no answer; {request.headers}", request=request)

    section = JudgeModel(source="http://127.0.0.1:9/v1", name="judge-1")
    with pytest.raises(PlayError, match=r"did not answer in 5 tries \(ReadTimeout\)"):
        EndpointReader(section, wait=lambda seconds: None, transport=httpx.MockTransport(late)).read([ASKED], None)
    with pytest.raises(PlayError, match=r"\(ConnectError\)"):
        EndpointReader(section, wait=lambda seconds: None).read([ASKED], None)


@pytest.mark.parametrize(
    ("status", "reply", "said"),
    [
        (200, {"choices": [{"message": {"content": "A"}, "logprobs": None}]}, "gives no log-probabilities of 'judge-1'"),
        (200, {"choices": []}, "gives no log-probabilities"),
        (200, "<html>hello</html>", "answers no JSON"),
        (404, f"no model judge-1 for {KEY}\nmore", r"cannot be asked for 'judge-1' \(status 404: no model judge-1 for \*\*\*\)"),
        (401, {"error": f"bad key {KEY}"}, rf"refuses us \(status 401\); set {KEY_VARIABLE}"),
    ],
)
def test_what_cannot_be_used_is_said_in_one_line_without_the_key(server: Server, status: int, reply: Json, said: str) -> None:
    server.replies = [(status, reply)]
    with pytest.raises(PlayError, match=said) as caught:
        read(server)
    assert KEY not in str(caught.value)
    assert "\n" not in str(caught.value)
    assert len(server.asked) == 1


def test_a_key_does_not_travel_in_the_clear(server: Server) -> None:
    seen: list[str | None] = []

    def note(request: httpx.Request) -> httpx.Response:
        seen.append(request.headers.get("Authorization"))
        return httpx.Response(200, json=chat_reply(A=-1.0, B=-1.0))

    del server  # its fixture sets the key
    for source in ("http://judge.example/v1", "https://judge.example/v1"):
        EndpointReader(JudgeModel(source=source, name="judge-1"), transport=httpx.MockTransport(note)).read([ASKED], None)
    assert seen == [None, f"Bearer {KEY}"]


def test_no_proxy_sees_the_key(server: Server, monkeypatch: pytest.MonkeyPatch) -> None:
    server.replies = [(200, chat_reply(A=-1.0, B=-1.0))]
    for name in ("HTTP_PROXY", "http_proxy", "ALL_PROXY", "all_proxy"):
        monkeypatch.setenv(name, server.address)
    for name in ("NO_PROXY", "no_proxy"):
        monkeypatch.delenv(name, raising=False)
    reader = EndpointReader(JudgeModel(source="http://localhost:9/v1", name="judge-1"), wait=lambda seconds: None)
    with pytest.raises(PlayError, match="ConnectError"):
        reader.read([ASKED], None)
    assert server.keys == []


def test_no_part_of_a_key_is_left_by_the_cut(server: Server) -> None:
    server.replies = [(404, "x" * (MAX_REASON - 8) + KEY)]
    with pytest.raises(PlayError, match=r"x\*\*\*\)") as caught:
        read(server)
    assert KEY[:3] not in str(caught.value)


@pytest.mark.parametrize("key", ["sk-\u2026abc", "sk abc", "sk-a\nb"])
def test_a_key_that_no_header_can_hold_is_said_without_it(key: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv(KEY_VARIABLE, key)
    with pytest.raises(ConfigError, match=KEY_VARIABLE) as caught:
        EndpointReader(JudgeModel(source="https://judge.example/v1", name="judge-1"))
    assert key not in str(caught.value)


def test_a_line_break_after_the_key_is_no_part_of_it(server: Server, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv(KEY_VARIABLE, f"{KEY}\n")
    server.replies = [(200, chat_reply(A=-1.0, B=-1.0))]
    read(server)
    assert server.keys == [f"Bearer {KEY}"]


@pytest.mark.parametrize("odd", [math.nan, math.inf, -math.inf, 3.0, True, False, None, "-1"])
def test_what_is_no_log_probability_counts_for_nothing(server: Server, odd: Json) -> None:
    listed: list[Json] = [{"token": "A", "logprob": odd}, {"token": "B", "logprob": -3.0}]
    server.replies = [(200, {"choices": [{"logprobs": {"content": [{"top_logprobs": listed}]}}]})]
    assert read(server) == (0.0, 1.0)
    server.replies = [(200, {"choices": [{"logprobs": {"top_logprobs": [{"A": odd, "B": -3.0}]}}]})]
    assert read(server, path="/completions") == (0.0, 1.0)


@pytest.mark.parametrize("lease_s", [20.0, 100.0, 300.0])
def test_a_server_that_hangs_is_given_up_before_the_lease_ends(lease_s: float) -> None:
    now = [0.0]

    def hang(request: httpx.Request) -> httpx.Response:
        waits = request.extensions["timeout"]
        now[0] += waits["connect"] + waits["read"]
        raise httpx.ReadTimeout("no answer", request=request)

    def wait(seconds: float) -> None:
        now[0] += seconds

    section = JudgeModel(source="http://127.0.0.1:9/v1", name="judge-1")
    reader = EndpointReader(section, lease_s=lease_s, wait=wait, clock=lambda: now[0], transport=httpx.MockTransport(hang))
    with pytest.raises(PlayError, match=r"did not answer in \d tries \(ReadTimeout\); try again later, or with a longer play\.lease_s"):
        reader.read([ASKED], None)
    assert lease_s / 3 < now[0] < lease_s


def test_many_are_asked_at_a_time_and_answered_in_order(server: Server) -> None:
    def echo(request: httpx.Request) -> httpx.Response:
        is_for = b"evidence 3" in request.content
        return httpx.Response(200, json=chat_reply(A=math.log(0.9 if is_for else 0.2), B=math.log(0.1 if is_for else 0.8)))

    del server
    asked = [ask(type(JUDGEMENT)(question="?", evidence=f"evidence {place}", options=("for", "against")), Seed(1)) for place in range(6)]
    section = JudgeModel(source="http://127.0.0.1:9/v1", name="judge-1", batch=3)
    shares = EndpointReader(section, transport=httpx.MockTransport(echo)).read(asked, None)
    assert [place for place, each in enumerate(shares) if each[0] > 0.5] == [3]


@pytest.mark.parametrize(
    ("source", "name", "said"),
    [
        (f"https://me:{KEY}@judge.example/v1", "judge-1", f"put it into the environment variable {KEY_VARIABLE}"),
        (f"https://judge.example/v1?key={KEY}", "judge-1", "no place for a key"),
        ("http:///v1", "judge-1", "expected an address such as"),
        ("http://[::1/v1", "judge-1", "is no address that can be asked"),
        ("http://h:abc/v1", "judge-1", "is no address that can be asked"),
        ("http://h:99999/v1", "judge-1", "is no address that can be asked"),
        ("http://h\x01/v1", "judge-1", "is no address that can be asked"),
        (f"http://h:{KEY}/v1", "judge-1", "is no address that can be asked"),
        ("http://localhost:8000/v1", "", r"feedback\.model\.name does not say which model"),
    ],
)
def test_an_address_that_cannot_be_asked_is_refused_without_what_it_holds(source: str, name: str, said: str) -> None:
    with pytest.raises(ConfigError, match=said) as caught:
        check_address(JudgeModel(source=source, name=name))
    assert KEY not in str(caught.value)
