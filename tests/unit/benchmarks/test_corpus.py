"""What the benchmarks send: every patient in turn, sequences without a hole, readable by the codec, seen by the rules."""

from itertools import pairwise

import numpy as np
import pytest

from alerts.rules import load_rules
from benchmarks.corpus import PROGRAMMES, Corpus, Sent
from devices.codecs import native
from devices.decoded import Decoded
from devices.vitals import VITALS


def _decoded(sent: Sent) -> list[tuple[str, Decoded]]:
    found = []
    for frame in sent.frames:
        start = frame.index(b'{"boot"')
        topic = frame[: start - 2].partition(b"wardlight/")[2].decode()
        (one,) = native.decode(frame[start:])
        found.append((topic, one))
    return found


def test_every_patient_sends_in_turn_without_a_hole() -> None:
    corpus = Corpus(patients=5)
    first, second = corpus.between(20, 1_000_000_000, 1_000_003_600), corpus.paced(10, 1_000_004_000.0, 100.0)
    rows = _decoded(first) + _decoded(second)
    assert [topic for topic, _ in rows[:6]] == [f"v1/bench{place:05}/readings" for place in (0, 1, 2, 3, 4, 0)]
    for place in range(5):
        own = [one for _, one in rows[place::5]]
        assert [one.seq for one in own] == [1, 2, 3, 4, 5, 6]
        assert all(before.time < after.time for before, after in pairwise(own))  # type: ignore[operator]
    assert corpus.made == 30
    assert (first.first_seq, second.first_seq) == (1, 5)
    assert first.seq_sum == sum(one.seq or 0 for _, one in _decoded(first))


def test_a_corpus_is_the_same_every_time() -> None:
    assert Corpus(patients=3).between(9, 0, 60).frames == Corpus(patients=3).between(9, 0, 60).frames


def test_the_peer_hears_the_same_bytes_under_topics_of_its_own() -> None:
    sent = Corpus(patients=2).between(4, 0, 60)
    for ours, theirs in zip(sent.frames, sent.for_peer(), strict=True):
        assert len(ours) == len(theirs)
        assert theirs.replace(b"wardlight/v0/", b"wardlight/v1/", 1) == ours


def test_patients_send_the_same_number_each() -> None:
    with pytest.raises(ValueError, match="same number"):
        Corpus(patients=3).between(10, 0, 60)


def test_more_than_eight_rules_look_at_every_measurement() -> None:
    rules = load_rules()
    batch = Corpus(patients=4).batch(8)
    sent = ~np.isnan(batch.values).all(axis=0)
    applies = rules.mask([PROGRAMMES])[0]
    looking = [
        rule.name
        for rule, is_on in zip(rules.reading_rules, applies, strict=True)
        if is_on and rule.vital and sent[_column(rule.vital)]
    ]
    assert len(looking) >= 8


def _column(vital: str) -> int:
    return next(column for column, one in enumerate(VITALS) if one.name == vital)
