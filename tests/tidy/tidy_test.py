"""Each check of the style test finds what it should, and leaves alone what is right."""

import pathlib
import sys
import time
import unittest

sys.path.insert(0, str(pathlib.Path(__file__).parents[2] / "tools" / "tidy"))

import coverage  # noqa: E402
import layers  # noqa: E402
import limits  # noqa: E402
import words  # noqa: E402
from cpp_text import functions, split  # noqa: E402
from tree import Tree, read_tree  # noqa: E402

SECTION = "\u00a7"


def texts(check, files):
    return [str(f) for f in check(Tree(files))]


class CppText(unittest.TestCase):
    def test_comments_and_literals_leave_the_code(self):
        code, comments = split('int a = 1\'000; // memcmp "x"\nauto s = "throw // no"; /* new */\n')
        self.assertIn("1'000", code)
        self.assertNotIn("memcmp", code)
        self.assertNotIn("throw", code)
        self.assertIn("memcmp", comments)
        self.assertIn("new", comments)
        self.assertNotIn("int", comments)
        self.assertEqual(code.count("\n"), 2)

    def test_raw_strings_and_characters(self):
        code, _ = split('auto a = R"x({ " // )x"; char b = \'"\'; char c = \'{\'; int d;')
        self.assertNotIn("//", code)
        self.assertNotIn("{", code)
        self.assertIn("int d;", code)

    def lengths(self, source):
        return [(f.name, f.line_count) for f in functions(source)]

    def test_functions_of_all_forms(self):
        self.assertEqual(self.lengths("int f(int a) {\n  return a;\n}\n"), [("f", 3)])
        self.assertEqual(
            self.lengths("auto A::f() const noexcept(noexcept(g())) -> int {\n}\n"), [("A::f", 2)]
        )
        nested = "namespace a {\nnamespace {\nvoid f() {}\n}\n}\n"
        self.assertEqual(self.lengths(nested), [("f", 1)])
        method = "class A : B<int> {\n public:\n  A() : a_{1}, b_(f({2})) {\n  }\n  int a_;\n};"
        self.assertEqual(self.lengths(method), [("A", 2)])
        template = "template <class T>\n  requires C<T>\nvoid f(\n    T a) {\n}\n"
        self.assertEqual(self.lengths(template), [("f", 5)])
        self.assertEqual(
            self.lengths('extern "C" int f(const char* a) {\n  return 0;\n}\n'), [("f", 3)]
        )
        self.assertEqual(self.lengths("TEST(Payload, Rejects) {\n}\n"), [("Payload.Rejects", 2)])
        self.assertEqual(self.lengths("struct Z* f() {\n}\n"), [("f", 2)])

    def test_what_is_no_function(self):
        for source in (
            "constexpr int a[] = {1,\n 2};",
            "std::array<int, f(3)> x{\n1};",
            "enum class E : int {\n a,\n};",
            "struct A {\n int b = 1;\n};",
            'extern "C" {\nint f(int);\n}\n',
            "#define F(a) { \\\n  a }\n",
        ):
            self.assertEqual(self.lengths(source), [], source)

    def test_a_broken_header_takes_no_time(self):
        began = time.monotonic()
        broken = "void f()\n" + " " * 400 + "<<<<<<< HEAD {\n}\n"  # spaces: a comment was there
        self.assertEqual(functions(broken), [])
        self.assertLess(time.monotonic() - began, 20)  # not hours

    def test_braces_within_a_function_end_nothing(self):
        source = "void f() {\n  if (a) {\n  } else {\n  }\n  auto l = [] { return X{1}; };\n}\n"
        self.assertEqual(self.lengths(source + "int g() {}\n"), [("f", 6), ("g", 1)])


class Layers(unittest.TestCase):
    def edge(self, path, target):
        return texts(layers.check_edges, {path: f'#include "{target}"\n', target: ""})

    def test_down_is_allowed_and_up_is_not(self):
        for path, target in (
            ("ike/a.cc", "crypto/base/b.h"),
            ("dataplane/a.cc", "ike/b.h"),
            ("controlplane/a.cc", "dataplane/api/b.h"),
            ("dataplane/api/a.h", "dataplane/drop.h"),
            ("tools/storm/a.cc", "dataplane/eal.h"),
            ("tests/ike/a_test.cc", "tools/storm/b.h"),
        ):
            self.assertEqual(self.edge(path, target), [], path)
        for path, target in (
            ("crypto/base/a.h", "crypto/b.h"),
            ("crypto/a.cc", "ike/b.h"),
            ("ike/a.cc", "dataplane/b.h"),
            ("dataplane/a.cc", "controlplane/b.h"),
            ("dataplane/api/a.h", "dataplane/b.h"),
            ("controlplane/a.cc", "dataplane/b.h"),
            ("tools/a.cc", "tests/support/b.h"),
            ("dataplane/a.cc", "tests/support/b.h"),
        ):
            self.assertEqual(len(self.edge(path, target)), 1, path)

    def test_includes_are_written_from_the_root(self):
        self.assertEqual(
            texts(layers.check_edges, {"ike/a.cc": '\n#include "b.h"\n', "ike/b.h": ""}),
            ['ike/a.cc:2: "b.h" is no file, seen from the root'],
        )

    def test_every_file_has_a_layer(self):
        self.assertEqual(len(texts(layers.check_edges, {"shared/a.h": ""})), 1)

    def test_vendors_stay_at_home(self):
        def vendor(path, header):
            return len(texts(layers.check_vendors, {path: f"#include <{header}>\n"}))

        self.assertEqual(vendor("crypto/mb_engine_sha.cc", "intel-ipsec-mb.h"), 0)
        self.assertEqual(vendor("crypto/mb_engine.h", "intel-ipsec-mb.h"), 1)
        self.assertEqual(vendor("crypto/ossl_engine.cc", "openssl/evp.h"), 0)
        self.assertEqual(vendor("ike/a.cc", "openssl/evp.h"), 1)
        self.assertEqual(vendor("dataplane/port.cc", "rte_ethdev.h"), 0)
        self.assertEqual(vendor("dataplane/worker.cc", "rte_ethdev.h"), 1)
        self.assertEqual(vendor("tools/storm/a.cc", "rte_ethdev.h"), 1)
        self.assertEqual(vendor("controlplane/config.cc", "toml++/toml.h"), 0)
        self.assertEqual(vendor("ike/a.cc", "fmt/format.h"), 1)

    def test_a_cycle_is_named(self):
        files = {"ike/a.h": '#include "ike/b.h"\n', "ike/b.h": '#include "ike/a.h"\n'}
        found = texts(layers.check_cycles, files)
        self.assertEqual(len(found), 1)
        self.assertIn("ike/a.h -> ike/b.h -> ike/a.h", found[0])
        self.assertEqual(texts(layers.check_cycles, files | {"ike/b.h": ""}), [])

    def test_a_header_for_nobody_is_dead(self):
        files = {
            "ike/a.h": "",
            "ike/a.cc": '#include "ike/a.h"\n',
            "tests/ike/a_test.cc": '#include "ike/a.h"\n',
        }
        self.assertEqual(len(texts(layers.check_dead_headers, files)), 1)
        files["dataplane/b.cc"] = '#include "ike/a.h"\n'
        self.assertEqual(texts(layers.check_dead_headers, files), [])


class Limits(unittest.TestCase):
    def test_file_length(self):
        self.assertEqual(texts(limits.check_file_length, {"a.cc": "\n" * 500}), [])
        self.assertEqual(len(texts(limits.check_file_length, {"a.cc": "\n" * 501})), 1)
        self.assertEqual(texts(limits.check_file_length, {"a.json": "\n" * 501}), [])

    def test_function_length(self):
        def body(count):
            return "void f() {\n" + "  g();\n" * (count - 2) + "}\n"

        self.assertEqual(texts(limits.check_function_length, {"a.cc": body(70)}), [])
        self.assertEqual(
            texts(limits.check_function_length, {"a.cc": "\n" + body(71)}),
            ["a.cc:2: f has 71 lines; at most 70"],
        )
        python = "def f():\n" + "    g()\n" * 70
        self.assertEqual(len(texts(limits.check_function_length, {"a.py": python})), 1)

    def test_line_length(self):
        self.assertEqual(texts(limits.check_line_length, {"a.h": "x" * 100 + "\n"}), [])
        self.assertEqual(len(texts(limits.check_line_length, {"a.h": "x" * 101 + "\n"})), 1)
        # The sign of a section is one column, though two octets.
        self.assertEqual(texts(limits.check_line_length, {"a.h": SECTION * 100}), [])

    def test_blobs(self):
        self.assertEqual(texts(limits.check_blobs, {"a.pcap": b"\0" * 262144}), [])
        self.assertEqual(len(texts(limits.check_blobs, {"a.pcap": b"\0" * 262145})), 1)


class Words(unittest.TestCase):
    def tokens(self, path, code):
        return len(texts(words.check_tokens, {path: code}))

    def test_every_ban_bites(self):
        for path, code in (
            ("ike/a.cc", "if (std::memcmp(a, b, 4) == 0) {}"),
            ("ike/a.cc", "int a = rand();"),
            ("ike/a.cc", "strcpy(a, b);"),
            ("tools/a.cc", "sprintf(a, b);"),
            ("tools/a.cc", "std::cout << 1;"),
            ("dataplane/a.cc", "throw 1;"),
            ("crypto/a.cc", "try { } "),
            ("ike/a.cc", "dynamic_cast<A*>(b);"),
            ("tools/a.cc", "auto* a = new A;"),
            ("tools/a.cc", "delete a;"),
            ("dataplane/a.cc", "malloc(1);"),
            ("ike/a.cc", "reinterpret_cast<int*>(a);"),
            ("dataplane/a.cc", 'std::printf("x");'),
            ("tests/a.cc", "using namespace std;"),
            ("dataplane/a.h", "std::shared_ptr<int> a;"),
            ("dataplane/a.h", "std::function<int()> a;"),
            ("dataplane/a.h", "std::mutex a;"),
            ("dataplane/a.h", "alignas(std::hardware_destructive_interference_size) int a;"),
            ("dataplane/a.cc", 'getenv("A");'),
            ("ike/a.cc", 'system("ls");'),
            ("ike/a.cc", "assert(a);"),
        ):
            self.assertEqual(self.tokens(path, code), 1, code)

    def test_what_is_allowed(self):
        for path, code in (
            ("ike/a.cc", "// memcmp() would leak\n"),
            ("ike/a.cc", 'const char* a = "throw new memcmp(";'),
            ("controlplane/a.cc", "throw 1;"),
            ("dataplane/a.cc", "reinterpret_cast<int*>(a);"),
            ("dataplane/a.h", "A(const A&) = delete;"),
            ("dataplane/a.h", "new (place) T;"),
            ("dataplane/a.h", "std::unique_ptr<A>(new A(1));"),
            ("dataplane/a.h", "brand();"),
            ("ike/a.h", "static_assert(a);"),
            ("crypto/a.cc", "snprintf(a, 1, b);"),
            ("tests/a.cc", "A a(new int[3]);"),
        ):
            self.assertEqual(self.tokens(path, code), 0, code)

    def test_names(self):
        self.assertEqual(len(texts(words.check_names, {"ike/string_util.h": ""})), 1)
        self.assertEqual(len(texts(words.check_names, {"common/a.h": ""})), 1)
        self.assertEqual(len(texts(words.check_names, {"ike/a.h": "class SessionManager {};"})), 1)
        self.assertEqual(len(texts(words.check_names, {"ike/a.h": "struct PacketData {"})), 1)
        self.assertEqual(texts(words.check_names, {"ike/a.h": "struct DropInfo {"}), [])
        self.assertEqual(texts(words.check_names, {"ike/database.h": "struct Datagram {"}), [])

    def test_ascii(self):
        self.assertEqual(len(texts(words.check_ascii, {"a.cc": "// caf\u00e9\n"})), 1)
        self.assertEqual(texts(words.check_ascii, {"a.cc": f"// RFC 7296 {SECTION}2.1\n"}), [])

    def test_promises(self):
        self.assertEqual(len(texts(words.check_promises, {"a.cc": "// TO" "DO: later\n"})), 1)
        self.assertEqual(texts(words.check_promises, {"a.cc": "// todos los dias\n"}), [])

    def test_machine_paths(self):
        self.assertEqual(len(texts(words.check_machine_paths, {"a.md": "see /ho" "me/joe/x\n"})), 1)
        self.assertEqual(
            len(texts(words.check_machine_paths, {"a.sh": "mirror=http:" "//deb.example/\n"})), 1
        )
        self.assertEqual(texts(words.check_machine_paths, {"a.md": "state in /var/lib/x\n"}), [])


class Coverage(unittest.TestCase):
    def test_siblings(self):
        self.assertEqual(
            texts(coverage.check_siblings, {"ike/a.cc": ""}),
            ["ike/a.cc: has no test tests/ike/a_test.cc"],
        )
        for test in ("tests/crypto/sha_kernels_ni_test.cc", "tests/crypto/sha_kernels_test.cc"):
            self.assertEqual(
                texts(coverage.check_siblings, {"crypto/sha_kernels_ni.cc": "", test: ""}), []
            )
        self.assertEqual(
            len(texts(coverage.check_siblings, {"dataplane/eal.cc": ""})), 1, "its place must exist"
        )

    def test_drop_rows(self):
        table = "DropInfo{Drop::none, 1},\nDropInfo{Drop::ip_runt, 2},\n"
        files = {"dataplane/drop.h": table, "tests/a_test.cc": "// Drop::ip_runt\n"}
        self.assertEqual(
            texts(coverage.check_drop_rows, files),
            ["dataplane/drop.h: no test names Drop::ip_runt"],
        )
        files["tests/a_test.cc"] = "EXPECT_EQ(a, Drop::ip_runt);\n"
        self.assertEqual(texts(coverage.check_drop_rows, files), [])

    def test_sections(self):
        self.assertEqual(
            set(coverage.sections(f"// RFC 7296 {SECTION}2.15, RFC 3948 section 2.3.\n")),
            {("7296", "2.15"), ("3948", "2.3")},
        )

    def test_citations_that_decide_need_a_test(self):
        code = {"ike/a.cc": f"// RFC 7296 {SECTION}2.5: the receiver MUST ignore it.\n"}
        self.assertEqual(len(texts(coverage.check_citations, code)), 1)
        test = {"tests/ike/a_test.cc": f"// RFC 7296 {SECTION}2.5.1\n"}
        self.assertEqual(texts(coverage.check_citations, code | test), [])
        other = {"tests/ike/a_test.cc": f"// RFC 7296 {SECTION}2.51\n"}
        self.assertEqual(len(texts(coverage.check_citations, code | other)), 1)
        quiet = {"ike/a.cc": f"// RFC 7296 {SECTION}2.5\n"}
        self.assertEqual(texts(coverage.check_citations, quiet), [])
        self.assertEqual(len(texts(coverage.uncited_sections, quiet)), 1)

    def test_first_line(self):
        self.assertEqual(texts(coverage.check_first_line, {"a.h": "// What one burst owns.\n"}), [])
        self.assertEqual(
            texts(coverage.check_first_line, {"a": "#!/bin/sh\n# Installs the packages.\n"}), []
        )
        for text in ("#pragma once\n", "// util\n", "int a;\n", "// no full stop here\nint a;\n"):
            self.assertEqual(len(texts(coverage.check_first_line, {"a.h": text})), 1, text)

    def test_guards(self):
        self.assertEqual(len(texts(coverage.check_guards, {"a.h": "// #pragma once\n"})), 1)
        self.assertEqual(texts(coverage.check_guards, {"a.h": "#pragma once\n"}), [])

    def test_readme_numbers(self):
        block = f"{coverage.FIGURES_BEGIN}\n450,000 a second\n{coverage.FIGURES_END}\n"
        readme = {"README.md": "100,000 clients\n" + block}
        self.assertEqual(texts(coverage.check_readme_numbers, readme), [])
        for number in ("450,000 a second", "3.5 us", "92 %", "1.9x", "1 KiB"):
            found = texts(coverage.check_readme_numbers, {"README.md": block + number + "\n"})
            self.assertEqual(len(found), 1, number)
        self.assertEqual(len(texts(coverage.check_readme_numbers, {"README.md": "text\n"})), 1)
        self.assertEqual(len(texts(coverage.check_readme_numbers, {})), 1)

    def test_fuzz_targets(self):
        target = {"tests/fuzz/ticket.cc": "int LLVMFuzzerTestOneInput(const int* a) {\n}\n"}
        self.assertEqual(len(texts(coverage.check_fuzz_targets, target)), 2)
        complete = target | {
            "tests/fuzz/meson.build": "'ticket': [ike_dep]\n",
            "tests/fuzz/corpus/ticket/one": b"\0",
        }
        self.assertEqual(texts(coverage.check_fuzz_targets, complete), [])


class Reading(unittest.TestCase):
    def test_the_tree_holds_this_file_and_no_build(self):
        tree = read_tree(pathlib.Path(__file__).parents[2])
        self.assertIn("tests/tidy/tidy_test.py", tree.texts)
        self.assertFalse([p for p in tree.contents if p.startswith("build")])


if __name__ == "__main__":
    unittest.main()
