"""Programme files: the shipped ones hold, docs tell them, and what nobody could have meant is refused with the way out."""

import re
from pathlib import Path

import pytest

from alerts.rules import load_rules
from care.programme import TEXTS, ProgrammeError, check_rules
from care.programme_files import SHIPPED, load_programmes, read_programme
from care.questionnaire import AnswersRefused, score
from care.questionnaire_files import load_questionnaires, read_questionnaire

DOCS = Path(__file__).parents[3] / "docs" / "programmes.md"
PROGRAMMES = load_programmes()
KNOWN = {rule.name: rule.programmes for rule in load_rules().rules}


def test_the_five_are_there_and_their_rules_judge_their_patients() -> None:
    assert set(PROGRAMMES) == {"heart_failure", "hypertension", "copd", "diabetes", "post_acute"}
    check_rules(PROGRAMMES.values(), KNOWN)


def test_a_programme_names_every_rule_of_its_own() -> None:
    for name, programme in PROGRAMMES.items():
        assert set(programme.rules) == {rule for rule, programmes in KNOWN.items() if name in programmes}, name


def test_every_questionnaire_named_is_there() -> None:
    named = {name for programme in PROGRAMMES.values() for name in programme.questionnaires}
    assert named == set(load_questionnaires())


def test_texts_are_short_and_neutral() -> None:
    for programme in PROGRAMMES.values():
        assert set(programme.texts) == set(TEXTS)
        assert all(len(text) <= 160 for text in programme.texts.values())
        assert "emergency number" in programme.texts["welcome"] and "emergency number" in programme.texts["recheck"]


GOOD = (SHIPPED / "hypertension.toml").read_text(encoding="utf-8")


@pytest.mark.parametrize(
    ("old", "new", "said"),
    [
        ("version = 1", "version = 0", "version is 0; count from 1"),
        ("version = 1", "version = 'one'", "version is 'one'; write a whole number"),
        ('title = "Hypertension"', "", "the field 'title' is missing"),
        ('title = "Hypertension"', 'titel = "x"\ntitle = "y"', "nobody knows the field 'titel'"),
        ('rules = ["systolic_high"', 'rules = ["Systolic high"', "lower case"),
        ('rules = ["systolic_high"', 'rules = ["systolic_low"', "names something twice"),
        ('measure = "systolic_bp"', 'measure = "pressure"', "schedule 1: measure is 'pressure'; write one of heart_rate"),
        ('every = "12h"', 'every = "often"', "schedule 1: every is 'often'; write a number and m, h or d"),
        ('"19:00"', '"25:00"', "at holds '25:00'; write times of the day such as 07:00"),
        ('source = "CHEP 2017: two readings, mornings and evenings"', "", "the field 'source' is missing"),
        ('days = "CHEP 2017: seven days, the first is dropped"', "", "days has no source"),
        ("per_sitting = 2", "per_sitting = 0", "per_sitting is 0"),
        ("reminder = ", 'remind = "x"\nreminder = ', "texts holds 'remind'"),
        ("Please take your two readings", "Your blood pressure is due", "the text 'reminder' says 'blood pressure'"),
        ("Please take your two readings", "Please take 2 readings", "says '2'"),
        ("Please take your two readings", "x" * 120, "characters; keep to 160"),
        ('reminder = "Please', 'reminder = "', ""),
    ],
)
def test_a_file_that_cannot_be_meant_says_where_and_what_to_do(tmp_path: Path, old: str, new: str, said: str) -> None:
    assert old in GOOD
    file = tmp_path / "hypertension.toml"
    file.write_text(GOOD.replace(old, new, 1), encoding="utf-8")
    if not said:
        read_programme(file)
        return
    with pytest.raises(ProgrammeError, match=re.escape(str(file))) as refused:
        read_programme(file)
    assert said in str(refused.value)


def test_what_is_no_toml_or_nothing_at_all_is_refused(tmp_path: Path) -> None:
    with pytest.raises(ProgrammeError, match="holds no programme"):
        load_programmes(tmp_path)
    (tmp_path / "broken.toml").write_text("= 3")
    with pytest.raises(ProgrammeError, match="cannot be read as TOML"):
        load_programmes(tmp_path)
    (tmp_path / "broken.toml").rename(tmp_path / "Mine.toml")
    (tmp_path / "Mine.toml").write_text(GOOD)
    with pytest.raises(ProgrammeError, match="the file's name is the programme's"):
        load_programmes(tmp_path)


def test_rules_are_checked_against_the_rule_set() -> None:
    some = [PROGRAMMES["hypertension"]]
    with pytest.raises(ProgrammeError, match=r"no rule is called .systolic_high.*WARDLIGHT_PROGRAMMES_DIR"):
        check_rules(some, {})
    with pytest.raises(ProgrammeError, match="'systolic_high' is not for 'hypertension'"):
        check_rules(some, dict.fromkeys(KNOWN, ("copd",)))


def test_scores_add_up_and_red_flags_are_named() -> None:
    check = load_questionnaires()["heart_failure_check"]
    calm = {question.name: 0 for question in check.questions}
    assert score(check, calm).score == 0 and score(check, calm).red_flags == ()
    worst = {question.name: len(question.answers) - 1 for question in check.questions}
    assert score(check, worst).score == check.most
    assert score(check, worst).red_flags == ("breath", "dizzy", "chest_pain")
    assert score(check, calm | {"chest_pain": 1}).red_flags == ("chest_pain",)


@pytest.mark.parametrize("change", [{"breath": 9}, {"breath": -1}, {"nothing": 1}])
def test_answers_that_do_not_fit_are_refused(change: dict[str, int]) -> None:
    check = load_questionnaires()["heart_failure_check"]
    with pytest.raises(AnswersRefused):
        score(check, {question.name: 0 for question in check.questions} | change)
    with pytest.raises(AnswersRefused, match="is not answered"):
        score(check, {"breath": 0})


@pytest.mark.parametrize(
    ("old", "new", "said"),
    [
        ("version = 1", "", "version is None"),
        ("red_flag_from = 3", "red_flag_from = 9", "red_flag_from is 9"),
        ('name = "breath"', 'name = "swelling"', "two questions have one name"),
        ('name = "breath"', 'nom = "breath"', "nobody knows 'nom'"),
        ('text = "Do you have pain', 'text = ""\nanswers = ["no"]\n#', ""),
    ],
)
def test_a_questionnaire_that_cannot_be_meant_is_refused(tmp_path: Path, old: str, new: str, said: str) -> None:
    good = (SHIPPED.parent / "questionnaires" / "heart_failure_check.toml").read_text(encoding="utf-8")
    file = tmp_path / "check.toml"
    file.write_text(good.replace(old, new, 1), encoding="utf-8")
    with pytest.raises(ProgrammeError, match=re.escape(str(file))) as refused:
        read_questionnaire(file)
    assert said in str(refused.value)
