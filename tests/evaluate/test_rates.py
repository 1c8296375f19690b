from __future__ import annotations

from itertools import pairwise

import jiwer
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from pagereader.errors import UsageError
from pagereader.evaluate import TextRules, character_errors, confusions, word_errors
from pagereader.evaluate.confusions import differences
from pagereader.evaluate.rates import ErrorRate, Found, words_found

texts = st.text(alphabet="abcé .,-\n", max_size=40).map(TextRules().apply)
real_texts = texts.filter(bool)


@settings(deadline=None)
@given(real_texts, texts)
def test_cer_agrees_with_jiwer(truth: str, reading: str) -> None:
    assert character_errors(truth, reading).value == pytest.approx(jiwer.cer(truth, reading))


@settings(deadline=None)
@given(real_texts, texts)
def test_wer_agrees_with_jiwer(truth: str, reading: str) -> None:
    assert word_errors(truth, reading).value == pytest.approx(jiwer.wer(truth, reading))


@settings(deadline=None)
@given(st.lists(st.tuples(real_texts, texts), min_size=1, max_size=5))
def test_rates_of_lines_sum_as_jiwer_sums_them(pairs: list[tuple[str, str]]) -> None:
    total = sum((character_errors(*pair) for pair in pairs), ErrorRate())
    assert total.value == pytest.approx(
        jiwer.cer([truth for truth, _ in pairs], [reading for _, reading in pairs])
    )


def test_edits_are_counted_once_each() -> None:
    assert character_errors("kitten", "sitting") == ErrorRate(3, 6)
    assert word_errors("the old house", "the house") == ErrorRate(1, 3)
    assert character_errors("", "abc").value == 3.0
    assert character_errors("", "").value == 0.0


def test_bag_of_words_is_blind_to_order_and_punctuation() -> None:
    assert words_found("one two, two three", "three. two one four") == Found(3, 4, 4)
    assert Found(3, 4, 4).f1 == 0.75
    assert (Found().recall, Found().precision, Found().f1) == (1.0, 1.0, 1.0)


@settings(deadline=None)
@given(texts, texts)
def test_differences_hold_both_texts_and_cost_what_cer_costs(truth: str, reading: str) -> None:
    parts = differences(truth, reading)
    assert "".join(part.truth for part in parts) == truth
    assert "".join(part.reading for part in parts) == reading
    assert sum(part.edits for part in parts) == character_errors(truth, reading).edits
    assert all(a.equal != b.equal for a, b in pairwise(parts))


def test_confusions_are_sorted_by_cost() -> None:
    worst = confusions([("modern corn", "modem com"), ("1847", "1341"), ("a,b", "ab")])
    assert (worst[0].truth, worst[0].reading, worst[0].count, worst[0].edits) == ("rn", "m", 2, 4)
    assert {(c.truth, c.reading) for c in worst[1:]} == {("8", "3"), ("7", "1"), (",", "")}


def test_missing_lines_do_not_drown_the_confusions() -> None:
    (only,) = confusions([("a whole line that nobody read", "")])
    assert only.truth == "(a stretch of text)"
    assert only.edits == 29


@pytest.mark.parametrize(
    ("rules", "text", "expected"),
    [
        (TextRules(), " a\n  b\u00a0c ", "a b c"),
        (TextRules(), "e\u0301", "é"),
        (TextRules(form="NFKC"), "ﬁne", "fine"),
        (TextRules(form="none"), "e\u0301", "e\u0301"),
        (TextRules(ignore_case=True), "Straße", "strasse"),
        (TextRules(ignore_punctuation=True), "Mr. Smith's, No. 7!", "Mr Smiths No 7"),
        (TextRules(fold_typography=True), "\u201c\u017fo\u201d\u2014it\u2019s", '"so"-it\'s'),
        (TextRules(join_hyphens=True), "hap-\npy Anglo-Saxon 12-\n13", "happy Anglo-Saxon 12- 13"),
    ],
)
def test_rules(rules: TextRules, text: str, expected: str) -> None:
    assert rules.apply(text) == expected


def test_unknown_form_is_refused() -> None:
    with pytest.raises(UsageError, match="NFX"):
        TextRules(form="NFX")
