"""The simulator is honest: seeded, with the prevalence, adherence and effect sizes that the catalogue states."""

import ast
from pathlib import Path

import numpy as np
import pytest

from benchmarks.detection.befalls import Change, draw_befallen
from benchmarks.detection.body import draw_body, grown, values_of
from benchmarks.detection.catalogue import DAY, HERE, HOUR, SIZES, Catalogue, load_catalogue, span
from benchmarks.detection.people import draw_people, measuring_days
from benchmarks.detection.rounds import DEVICES, Rounds
from benchmarks.detection.seeds import SeedRefused, check_seed, load_seeds
from benchmarks.detection.simulate import History, simulate, suspect_of
from benchmarks.detection.truth import elsewhere
from devices.decoded import find_suspect
from devices.vitals import COLUMN, VITALS

SEED = 11


@pytest.fixture(scope="module")
def catalogue() -> Catalogue:
    return load_catalogue()


@pytest.fixture(scope="module")
def run(catalogue: Catalogue) -> History:
    return simulate(catalogue, SEED, 6.0, 0.85, patients=200)


def test_the_same_seed_gives_the_same_readings_and_another_does_not(catalogue: Catalogue) -> None:
    one, same, other = (simulate(catalogue, seed, 6.0, 0.6, patients=40) for seed in (SEED, SEED, SEED + 1))
    assert np.array_equal(one.batch.values, same.batch.values, equal_nan=True)
    assert np.array_equal(one.batch.received_at, same.batch.received_at)
    assert one.episodes == same.episodes
    assert one.episodes != other.episodes


def test_adherence_changes_neither_people_nor_what_befalls_them(catalogue: Catalogue) -> None:
    low, high = (simulate(catalogue, SEED, 6.0, adherence, patients=60) for adherence in (0.6, 0.85))
    assert low.episodes == high.episodes
    assert np.array_equal(low.people.usual, high.people.usual, equal_nan=True)
    assert len(low.batch) < len(high.batch)


@pytest.mark.parametrize("wanted", [0.6, 0.85])
def test_adherence_is_what_was_asked_for(catalogue: Catalogue, wanted: float) -> None:
    assert simulate(catalogue, SEED, 0.5, wanted).adherence() == pytest.approx(wanted, abs=0.03)


def test_missed_days_come_in_runs(catalogue: Catalogue) -> None:
    people = draw_people(catalogue, 400, 0.7, SEED)
    measured = measuring_days(people, 90, 2.5, SEED)
    begins = (~measured[:, 1:] & measured[:, :-1]).sum() + (~measured[:, 0]).sum()
    assert (~measured).sum() / begins == pytest.approx(2.7, abs=0.5)


@pytest.mark.parametrize(("rate", "slack"), [(0.5, 0.15), (6.0, 0.08)])
def test_prevalence_is_what_was_asked_for(catalogue: Catalogue, rate: float, slack: float) -> None:
    found = 0
    for seed in range(4):
        people = draw_people(catalogue, 500, 0.85, seed)
        found += len(draw_befallen(catalogue, people, rate, seed).episodes)
    assert found / (4 * 500 * 90 / 365.25) == pytest.approx(rate, rel=slack)


@pytest.mark.parametrize("name", [one.name for one in load_catalogue().scenarios])
def test_effects_are_there_at_the_turning_point_as_stated(catalogue: Catalogue, name: str) -> None:
    """Two hundred measurements of one person with and without the change, just before the turning point, differ by its size."""
    scenario, people = catalogue.scenario(name), draw_people(catalogue, 50, 0.85, SEED)
    body = draw_body(catalogue, people, SEED)
    device_of = {
        vital: habit["device"] for table in catalogue.people["cohort"] for habit in table["habits"] for vital in habit["vitals"]
    }
    for vital, sizes in (*scenario.effect.items(), *scenario.to.items()):
        for size in range(len(SIZES)):
            turning = int(people.midnight[people.zone[0], 60])
            n = 200
            time = turning - np.arange(n, 0, -1) * 1_000_000
            device = np.full(n, DEVICES.index(device_of[vital]), np.int8)
            rounds = Rounds(np.zeros(n, np.intp), device, time, np.zeros(n, bool))
            change = Change(0, COLUMN[vital], turning - 5 * DAY, turning, 0, sizes[size], vital in scenario.to, scenario.shape)
            with_it, without = (
                values_of(catalogue, people, body, changes, rounds, np.random.default_rng(5))[:, COLUMN[vital]].mean()
                for changes in ([change], [])
            )
            stated = sizes[size] if vital in scenario.to else without + sizes[size]
            tolerance = max(0.02 * abs(stated), 0.06 * people.spread[0, COLUMN[vital]])
            if vital == "spo2":
                stated = min(stated, 100.0)
            assert with_it == pytest.approx(stated, abs=0.05 * abs(stated) if vital == "cgm_glucose" else max(tolerance, 0.3))


def test_shapes_begin_at_nothing_and_are_whole_at_the_turning_point() -> None:
    for shape in ("linear", "late", "plateau", "spell"):
        change = Change(0, 0, 0, 1000, 100, 1.0, False, shape)
        assert grown(change, np.array([0, 999, 1100])) == pytest.approx([0.0, 1.0, 0.0], abs=0.01)


def test_sizes_of_every_scenario_grow(catalogue: Catalogue) -> None:
    for scenario in catalogue.scenarios:
        for vital, sizes in (*scenario.effect.items(), *scenario.to.items()):
            strength = [abs(size) for size in sizes] if vital in scenario.effect else list(sizes)
            assert strength in (sorted(strength), sorted(strength, reverse=True)), (scenario.name, vital)


def test_nothing_is_measured_in_hospital(run: History) -> None:
    for episode in run.episodes:
        times = run.batch.device_time[run.patient == episode.patient]
        cgm_or_off = 12 * HOUR  # clocks that are off show other times
        inside = (times > episode.turning + cgm_or_off) & (times < episode.back - cgm_or_off)
        assert not inside.any()


def test_some_readings_arrive_late_and_out_of_order(run: History) -> None:
    late = run.batch.received_at - run.batch.measured_at
    assert (late > 0).all()
    assert 0.005 < (late > HOUR).mean() < 0.1
    order = np.argsort(run.batch.received_at, kind="stable")
    who, when = run.patient[order], run.batch.measured_at[order]
    backwards = sum(int((np.diff(when[who == row]) < 0).sum()) for row in range(200))
    assert backwards > 20


def test_windows_elsewhere_touch_no_episode(run: History) -> None:
    moved = elsewhere(run, SEED)
    gradual = [one for one in run.episodes if one.deadline is not None]
    assert 0.5 * len(gradual) < len(moved) <= len(gradual)
    for one in moved:
        for episode in run.episodes:
            if episode.patient == one.episode.patient:
                assert one.episode.until < episode.onset or one.episode.onset > episode.until


def test_suspect_bits_are_those_of_decoding() -> None:
    values = np.full((3, len(VITALS)), np.nan)
    values[0, COLUMN["body_temperature"]] = 98.6
    values[1, [COLUMN["systolic_bp"], COLUMN["diastolic_bp"]]] = 104, 100
    values[2, COLUMN["heart_rate"]] = 210
    expected = []
    for row in values:
        columns = [int(column) for column in np.flatnonzero(~np.isnan(row))]
        expected.append(find_suspect(columns, [float(row[column]) for column in columns]))
    assert suspect_of(values).tolist() == expected


def test_the_simulator_knows_no_rule() -> None:
    for file in ("catalogue", "people", "befalls", "rounds", "body", "spoil", "simulate", "seeds"):
        tree = ast.parse((HERE / f"{file}.py").read_text())
        modules = {node.module or "" for node in ast.walk(tree) if isinstance(node, ast.ImportFrom)}
        modules |= {name.name for node in ast.walk(tree) if isinstance(node, ast.Import) for name in node.names}
        assert not {module for module in modules if module.startswith(("alerts", "ingest", "api", "devices.simulator"))}, file


def test_every_number_has_a_source(catalogue: Catalogue) -> None:
    for scenario in catalogue.scenarios:
        assert set(scenario.vitals) <= set(scenario.source)
        assert all(text.strip() for text in scenario.source.values())
    text = (Path(HERE) / "confounders.toml").read_text()
    assert text.count("[[confounder]]") == text.count("\nsource = ")


def test_seeds_of_the_report_are_refused_elsewhere() -> None:
    tuning, report = load_seeds("tuning"), load_seeds("report")
    assert tuning
    assert report
    assert not set(tuning) & set(report)
    with pytest.raises(SeedRefused):
        check_seed(report[0], "tuning")
    with pytest.raises(SeedRefused):
        check_seed(tuning[0], "report")


def test_spans() -> None:
    assert span("2d") == 2 * DAY
    with pytest.raises(ValueError, match="no time span"):
        span("soon")
