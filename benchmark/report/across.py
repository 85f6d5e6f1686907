"""Rows across boards as a table, and for programs."""

from __future__ import annotations

import csv
import io
import json
from dataclasses import asdict

from benchmark.report.tables import TextTable, comma_list, decimal_text, p_text
from benchmark.results.across import Across
from benchmark.results.agreement import Interaction
from benchmark.results.multiple import is_significant
from benchmark.results.seed_pairs import mean


def across_grid(across: Across) -> TextTable:
    """Mean ranks with wins, ties and losses, the best first."""
    rows = [
        (one.name, f"{one.mean_rank:.2f}", str(one.wins), str(one.ties), str(one.losses)) for one in across.standings
    ]
    return TextTable(
        title=f"Across {len(across.boards)} boards: {comma_list(across.boards)}",
        headings=("translator", "mean rank", "wins", "ties", "losses"),
        rows=tuple(rows),
        notes=tuple(_notes(across)),
    )


def agreement_grid(across: Across) -> TextTable:
    """How far each board puts rows into the order of the others, and what the segmenters of a scenario change."""
    rows = []
    scale = "Kendall's tau-b over the rows that two boards have: 1 one order, 0 no relation, -1 opposite orders"
    for board in across.boards:
        own = [one for one in across.agreements if board in (one.one, one.other) and one.tau is not None]
        if own:
            taus = {one.other if one.one == board else one.one: one.tau or 0.0 for one in own}
            least = min(taus, key=lambda name: taus[name])
            numbers = [decimal_text(value, 2) for value in (mean(list(taus.values())), taus[least])]
            rows.append((board, *numbers, least))
    return TextTable(
        title="Order of rows: rank correlation with the other boards",
        headings=("board", "mean tau", "lowest tau", "which is with"),
        rows=tuple(rows),
        notes=(scale, *map(interaction_text, across.interactions)),
    )


def interaction_text(found: Interaction) -> str:
    """What the segmenters of a scenario change in the differences between its rows, in a sentence."""
    rows = f"{found.scenario}, {found.rows} rows x {len(found.segmenters)} segmenters: means of rows spread by "
    text = f"{rows}{found.row_sd * 100:.1f} points (standard deviation)"
    if found.interaction_sd is None or found.noise_sd is None or found.p is None:
        return f"{text}; what segmenters change in that cannot be told from noise, as no row has two trainings"
    changes = "change" if is_significant(found.p) else "do not change significantly"
    return (
        f"{text}, which segmenters {changes}: by {found.interaction_sd * 100:.1f} points beyond the noise of "
        f"trainings, {found.noise_sd * 100:.1f} ({p_text(found.p)})"
    )


def _notes(across: Across) -> list[str]:
    lines = [
        "mean rank by mIoU, 1 is best, without rows that see target labels; wins and losses are the comparisons of a "
        "board that are significant after its own correction, ties all others"
    ]
    if across.friedman_p is None or across.critical_difference is None:
        lines.append("no test of the ranks: it takes three rows that two boards have")
    else:
        differ = "differ" if is_significant(across.friedman_p) else "do not differ significantly"
        lines.append(f"rows {differ}: Friedman's test (Iman & Davenport), {p_text(across.friedman_p)}")
        lines.append(
            f"two rows are told apart by mean ranks that differ by {across.critical_difference:.2f} (Nemenyi, 5 %)"
        )
    if across.scenarios < len(across.boards):
        lines.append(
            f"the boards are of {across.scenarios} scenarios: those of one share their translations, so that the "
            "test takes them for more evidence than they are"
        )
    lines += [f"{name} left out, not on {comma_list(boards)}" for name, boards in across.lacking.items()]
    return lines


def across_json(across: Across) -> str:
    """All of it as a JSON object."""
    return json.dumps(asdict(across), indent=1, allow_nan=False) + "\n"


def across_csv(across: Across) -> str:
    """A line for each row, with its rank on each board."""
    text = io.StringIO()
    writer = csv.writer(text, lineterminator="\n")
    writer.writerow(["translator", "mean_rank", "wins", "ties", "losses", *across.boards])
    for one in across.standings:
        ranks = [one.ranks[board] for board in across.boards]
        writer.writerow([one.name, one.mean_rank, one.wins, one.ties, one.losses, *ranks])
    return text.getvalue()
