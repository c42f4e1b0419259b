"""The detection study: shipped rules on simulated people, held against what was true (docs/detection.md).

`make test` runs 150 patients of one tuning seed; `make prove ARGS="-k detection"` all tuning seeds with the trade-off curve.
What is expected of emergencies is asserted; every other figure is printed beside what was expected of it, reached or not.
"""

import os
import subprocess
import sys
from pathlib import Path

import pytest

from benchmarks.detection.document import write_document
from benchmarks.detection.runs import plan, run, run_all
from benchmarks.detection.seeds import SeedRefused, load_seeds
from benchmarks.detection.tables import curve_lines, curve_of, figures_of, lines

TOP = Path(__file__).resolve().parents[3]


@pytest.mark.proof
def test_every_emergency_that_arrives_is_open_within_a_minute() -> None:
    proves = os.environ.get("PROVE") == "1"
    seeds = load_seeds("tuning") if proves else load_seeds("tuning")[:1]
    print(f"\ndetection study: tuning seeds {', '.join(map(str, seeds))}", flush=True)
    tasks = plan("tuning", seeds, None if proves else 150, curve=proves)
    whole, curve = run_all(tasks, 2 if proves else 1, lambda text: print(f"… {text}", flush=True))
    figures = figures_of(whole)
    print("\n".join([*lines(figures), *(curve_lines(curve_of(curve)) if proves else [])]), flush=True)
    assert len(figures) == 4
    for cell in figures.values():
        opened = cell["shipped"]["emergencies_opened_within_60_s"]
        assert opened.value is None or opened.value == 1.0
    assert figures["enriched 85%"]["shipped"]["emergencies_opened_within_60_s"].over > 10


def test_the_same_seed_gives_the_same_figures() -> None:
    task = plan("tuning", load_seeds("tuning")[:1], 40, curve=False)[0]
    one, other = (figures_of({("x", 1.0, name): found for name, found in run(task).items()}) for _ in range(2))
    assert one == other


def test_the_seeds_of_the_report_run_in_the_report_alone() -> None:
    task = plan("tuning", load_seeds("report")[:1], 10, curve=False)[0]
    with pytest.raises(SeedRefused):
        run(task)


def test_the_report_is_not_made_from_a_quick_run() -> None:
    ran = subprocess.run(
        [sys.executable, "-m", "benchmarks.detection", "--seeds", "report", "--quick"],
        cwd=TOP, capture_output=True, text=True, check=False,
    )  # fmt: skip
    assert ran.returncode == 2
    assert "not made from a quick run" in ran.stderr


def test_the_document_keeps_what_is_written_by_hand(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("benchmarks.detection.document.DOCS", tmp_path)
    (tmp_path / "detection.md").write_text((TOP / "docs" / "detection.md").read_text())
    task = plan("tuning", load_seeds("tuning")[:1], 60, curve=False)[2]
    figures = figures_of({("enriched", 0.6, name): found for name, found in run(task).items()})
    about = {"seeds": {"tuning": [1]}, "stated": {"scenarios.toml": "00"}, "rules": "11", "patients_a_run": 60, "days": 90}
    write_document(about, figures, {})
    once = (tmp_path / "detection.md").read_text()
    write_document(about, figures, {})
    assert (tmp_path / "detection.md").read_text() == once
    assert "## How it is kept honest" in once
    assert "| Acute hypoxia |" in once
