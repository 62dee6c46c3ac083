import json

import pytest

from chat import sse
from chat.sse import Decoder, EndlessLine, Event, frame


def decode(*pieces):
    decoder = Decoder()
    return [event for piece in pieces for event in decoder.feed(piece)]


def data_of(*pieces):
    return [event.data.decode() for event in decode(*pieces)]


# The examples of https://html.spec.whatwg.org/multipage/server-sent-events.html


def test_it_joins_data_lines_with_a_newline():
    assert data_of(b"data: YHOO\ndata: +2\ndata: 10\n\n") == ["YHOO\n+2\n10"]


def test_it_reads_the_example_with_comment_id_and_spaces():
    stream = b": test stream\n\ndata: first event\nid: 1\n\ndata:second event\nid\n\n"
    assert data_of(stream + b"data:  third event\n\n") == [
        "first event",
        "second event",
        " third event",
    ]


def test_it_gives_empty_data_but_no_unfinished_event():
    assert data_of(b"data\n\ndata\ndata\n\ndata:") == ["", "\n"]


def test_it_takes_off_one_space_only():
    assert data_of(b"data:test\n\ndata: test\n\n") == ["test", "test"]


def test_it_names_events():
    assert decode(b"event: add\ndata: 1\n\nevent: remove\ndata: 2\n\ndata: 3\n\n") == [
        Event(b"1", b"add"),
        Event(b"2", b"remove"),
        Event(b"3"),
    ]


def test_it_forgets_the_name_of_an_event_without_data():
    assert decode(b"event: add\n\ndata: 1\n\n") == [Event(b"1")]


@pytest.mark.parametrize("line", [b"retry: 10", b"unknown: x", b"data2: x", b" data: x", b":"])
def test_it_ignores_other_lines(line):
    assert data_of(line + b"\ndata: 1\n\n") == ["1"]


# Lines


def test_it_takes_a_byte_order_mark_off_the_first_line_only():
    assert data_of(b"\xef\xbb\xbfdata: 1\n\n\xef\xbb\xbfdata: 2\n\n") == ["1"]


def test_it_takes_a_byte_order_mark_that_comes_in_pieces():
    assert data_of(b"\xef", b"\xbb", b"\xbfdata: 1\n\n") == ["1"]


@pytest.mark.parametrize("end", [b"\n", b"\r", b"\r\n"])
def test_it_ends_lines_with(end):
    assert data_of(b"data: 1" + end + b"data: 2" + end + end) == ["1\n2"]


def test_it_sees_one_end_in_a_split_crlf():
    assert data_of(b"data: 1\r", b"\ndata: 2\r", b"\n\r", b"\n") == ["1\n2"]


def test_it_sees_a_split_crlf_around_an_empty_piece():
    assert data_of(b"data: 1\r", b"", b"\ndata: 2\r\n\r\n") == ["1\n2"]


@pytest.mark.parametrize("newline", ["\u2028", "\u2029", "\x85", "\v", "\f", "\x1c"])
def test_it_keeps_what_only_python_calls_a_newline(newline):
    assert data_of(f"data: a{newline}b\n\n".encode()) == [f"a{newline}b"]


STREAM = (
    "\ufeff: hi\r\ndata: héllo 👋\r\ndata: 🏴󠁧󠁢󠁷󠁬󠁳󠁿\r\n\r\nevent: end\rdata:2\r\rdata\n\ndata: rest\n\n"
).encode()


@pytest.mark.parametrize("position", range(1, len(STREAM)))
def test_it_reads_the_same_wherever_the_stream_is_split(position):
    assert decode(STREAM[:position], STREAM[position:]) == decode(STREAM)


def test_it_reads_the_same_byte_by_byte():
    assert decode(*[bytes([byte]) for byte in STREAM]) == decode(STREAM)
    assert len(decode(STREAM)) == 4


def test_it_refuses_a_line_that_never_ends(monkeypatch):
    monkeypatch.setattr(sse, "MAX_LINE", 100)
    decoder = Decoder()
    assert not list(decoder.feed(b"x" * 100))
    with pytest.raises(EndlessLine):
        list(decoder.feed(b"x"))


def test_it_counts_each_line_anew(monkeypatch):
    monkeypatch.setattr(sse, "MAX_LINE", 100)
    assert len(decode(*[b"data: " + b"x" * 80 + b"\n\n"] * 10)) == 10


# Frames


def test_it_writes_one_line_of_ascii():
    data = {"content": "a\r\nb\u2028👋\0"}
    written = frame(data, id=7)
    assert written.isascii() and written.startswith(b"id: 7\ndata: {") and written.count(b"\n") == 3
    assert json.loads(decode(written)[0].data) == data


def test_it_writes_named_events_so_that_the_tutorials_clients_skip_them():
    assert frame({"state": "x"}, event="end") == b'event: end\ndata:{"state":"x"}\n\n'


def test_it_writes_an_offset_of_zero():
    assert frame({}, id=0) == b"id: 0\ndata: {}\n\n"


@pytest.mark.parametrize("comment", [sse.OPEN, sse.KEEP_ALIVE])
def test_its_comments_are_no_events(comment):
    assert decode(comment) == [] and comment.endswith(b"\n\n")
