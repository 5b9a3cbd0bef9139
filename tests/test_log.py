"""A log in lines: times, levels, search; progress bars and empty lines are left out."""

from __future__ import annotations

from retail.workspace.log import LogLine, matching, read_lines

PRINTED = """
14:05:01 Encoding image, 600 in all
Encoding image:  50%|█████     | 300/600
14:05:09 Note: The sound was left out.
Photo only  93.3 %
14:05:10 Error: No room.
Traceback (most recent call last):
  File "x.py", line 1
ValueError: no
after it
x.py:3: UserWarning: old
"""


def test_lines_bear_the_time_before_them_and_a_level():
    assert read_lines(PRINTED) == [
        LogLine("14:05:01", "", "Encoding image, 600 in all"),
        LogLine("14:05:09", "Note", "The sound was left out."),
        LogLine("14:05:09", "", "Photo only  93.3 %"),
        LogLine("14:05:10", "Error", "No room."),
        LogLine("14:05:10", "Error", "Traceback (most recent call last):"),
        LogLine("14:05:10", "Error", '  File "x.py", line 1'),
        LogLine("14:05:10", "Error", "ValueError: no"),
        LogLine("14:05:10", "", "after it"),
        LogLine("14:05:10", "Warning", "x.py:3: UserWarning: old"),
    ]


def test_a_search_wants_all_words_and_finds_levels_and_times_too():
    lines = read_lines(PRINTED)
    assert [line.text for line in matching(lines, "ROOM error")] == ["No room."]
    assert [line.text for line in matching(lines, "14:05:01")] == ["Encoding image, 600 in all"]
    assert len(matching(lines, leveled=True)) == 6
