"""The counting of test results: what passed, failed, was skipped or crashed."""

import pathlib
import sys
import unittest

sys.path.insert(0, str(pathlib.Path(__file__).parents[2] / "tools" / "house"))

from test_log import Case, program_cases  # noqa: E402

GTEST = """Running main() from gtest_main.cc
[==========] Running 3 tests from 1 test suite.
[----------] 3 tests from Payload
[ RUN      ] Payload.Walks
[       OK ] Payload.Walks (0 ms)
[ RUN      ] Payload.Needs
../a_test.cc:7: Skipped
no AVX-512 here

[  SKIPPED ] Payload.Needs (0 ms)
[ RUN      ] Payload.Rejects/3
../a_test.cc:9: Failure
[  FAILED  ] Payload.Rejects/3, where GetParam() = 4 (1 ms)
[----------] 3 tests from Payload (1 ms total)
[  PASSED  ] 1 test.
[  SKIPPED ] 1 test, listed below:
[  SKIPPED ] Payload.Needs
[  FAILED  ] 1 test, listed below:
[  FAILED  ] Payload.Rejects/3, where GetParam() = 4
"""

TAP = """1..4
ok 1 psk
# psk took 0.3 s
ok 2 rsa # SKIP no strongSwan here
# not ok 9 is what a log of strongSwan says
not ok 3 nat
ok 4 mobike
"""


def entry(result="OK", status=0, stdout="", stderr=""):
    return {
        "name": "ike", "result": result, "returncode": status, "stdout": stdout, "stderr": stderr,
    }


class ProgramCases(unittest.TestCase):
    def test_gtest_cases_are_counted_once(self):
        self.assertEqual(
            program_cases(entry("FAIL", 1, GTEST)),
            [
                Case("ike: Payload.Walks", "passed"),
                Case("ike: Payload.Needs", "skipped", "no AVX-512 here"),
                Case("ike: Payload.Rejects/3", "failed"),
            ],
        )

    def test_tap_cases_are_counted_once(self):
        self.assertEqual(
            program_cases(entry("FAIL", 1, TAP)),
            [
                Case("ike: psk", "passed"),
                Case("ike: rsa", "skipped", "no strongSwan here"),
                Case("ike: nat", "failed"),
                Case("ike: mobike", "passed"),
            ],
        )

    def test_a_planned_tap_case_that_never_ended_has_failed(self):
        cut = TAP[: TAP.index("not ok 3")]
        cases = program_cases(entry("ERROR", -9, cut))
        self.assertEqual([c.outcome for c in cases], ["passed", "skipped", "failed", "failed"])

    def test_a_crash_is_one_failure(self):
        cut = GTEST[: GTEST.index("../a_test.cc:9")]
        cases = program_cases(entry("FAIL", -11, cut))
        self.assertEqual([c.outcome for c in cases], ["passed", "skipped", "failed"])
        self.assertIn("ended in this test", cases[-1].reason)

    def test_a_bad_end_after_good_cases_is_a_failure(self):
        good = GTEST[: GTEST.index("[ RUN      ] Payload.Needs")]
        cases = program_cases(entry("FAIL", 1, good))
        self.assertEqual([c.outcome for c in cases], ["passed", "failed"])

    def test_disabled_tests_are_skips_without_reason(self):
        good = GTEST[: GTEST.index("[ RUN      ] Payload.Needs")]
        cases = program_cases(entry(stdout=good + "  YOU HAVE 2 DISABLED TESTS\n"))
        self.assertEqual([(c.outcome, c.reason) for c in cases[1:]], [("skipped", "")] * 2)

    def test_unittest_by_its_summary(self):
        text = "a (x.A.a) ... skipped 'no net'\n----\nRan 5 tests in 0.1s\n\n{}\n"
        cases = program_cases(entry(stderr=text.format("OK (skipped=1)")))
        self.assertEqual([c.outcome for c in cases], ["passed"] * 4 + ["skipped"])
        self.assertEqual(cases[-1].reason, "no net")
        cases = program_cases(entry("FAIL", 1, "", text.format("FAILED (failures=2, skipped=1)")))
        self.assertEqual([c.outcome for c in cases], ["passed"] * 2 + ["failed"] * 2 + ["skipped"])

    def test_other_programs_count_as_one(self):
        self.assertEqual(program_cases(entry(stdout="fine\n")), [Case("ike", "passed")])
        self.assertEqual(program_cases(entry("TIMEOUT", -15))[0].outcome, "failed")
        skip = program_cases(entry("SKIP", 77, "no tap"))
        self.assertEqual(skip, [Case("ike", "skipped", "no tap")])


if __name__ == "__main__":
    unittest.main()
