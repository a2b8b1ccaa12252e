"""The curve that tools/demo draws."""

import pathlib
import sys
import unittest

sys.path.insert(0, str(pathlib.Path(__file__).parents[2] / "tools" / "house"))

import chart  # noqa: E402


class Curve(unittest.TestCase):
    def test_a_ramp_rises_from_left_to_right(self):
        lines = chart.curve([(1.0, 50), (2.0, 100)], "up", width=10, height=5).splitlines()
        self.assertEqual(lines[0], "up")
        bars = [line.split("|")[1] for line in lines[1:6]]
        self.assertEqual([bar.count("#") for bar in bars], [2, 4, 6, 8, 10])
        self.assertTrue(all(bar.endswith("#") for bar in bars))
        self.assertIn("2.00 s", lines[-1])

    def test_what_is_more_than_the_curve_below_is_drawn_lighter(self):
        full, half = [(1.0, 100), (2.0, 100)], [(1.0, 50), (2.0, 50)]
        lines = chart.curve(full, "up", half, width=10, height=4).splitlines()
        bars = [line.split("|")[1] for line in lines[1:5]]
        self.assertEqual([bar[-1] for bar in bars], [":", ":", "#", "#"])
        self.assertEqual(chart.curve(full, "up", full), chart.curve(full, "up"))

    def test_nothing_to_draw(self):
        self.assertEqual(chart.curve([], "up"), "up: no points")
        self.assertNotIn("#", chart.curve([(0.0, 0)], "up"))

    def test_table_columns_align(self):
        self.assertEqual(chart.table([("a", "1"), ("long", "22")]), "  a      1\n  long  22")

    def test_columns_align_under_their_head(self):
        rows = [("", "first", "2nd"), ("name", "1", "22")]
        self.assertEqual(chart.columns(rows), "        first  2nd\n  name      1   22")


if __name__ == "__main__":
    unittest.main()
