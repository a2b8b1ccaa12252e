// Typed reading of TOML tables: places of mistakes, unknown keys and the guess at what was meant.
#include "controlplane/table_reader.h"

#include <gtest/gtest.h>

#include <algorithm>

namespace cp {
namespace {

class Reading {
 public:
  explicit Reading(std::string_view text) : table_(toml::parse(text)) {}
  TableReader reader() { return {table_, "", errors_}; }
  const std::vector<ConfigError>& errors() const { return errors_; }

 private:
  toml::table table_;
  std::vector<ConfigError> errors_;
};

TEST(TableReader, KeepsDefaultsOfAbsentKeys) {
  Reading reading("");
  TableReader in = reading.reader();
  std::string text = "default";
  unsigned number = 7;
  in.string("text", text);
  in.integer("number", number, {0, 9});
  in.finish();
  EXPECT_EQ(text, "default");
  EXPECT_EQ(number, 7u);
  EXPECT_TRUE(reading.errors().empty());
}

TEST(TableReader, NamesThePlaceOfAWrongValue) {
  Reading reading("a = 1\nnumber = 10\n  text = 5\n");
  TableReader in = reading.reader();
  unsigned number = 7;
  std::string text;
  in.integer("number", number, {0, 9});
  in.string("text", text);
  EXPECT_EQ(number, 7u);
  ASSERT_EQ(reading.errors().size(), 2u);
  EXPECT_EQ(reading.errors()[0], (ConfigError{2, 10, "number", "expected a number from 0 to 9"}));
  EXPECT_EQ(reading.errors()[1], (ConfigError{3, 10, "text", "expected a text"}));
}

TEST(TableReader, NamesThePlaceInsideAList) {
  Reading reading("list = [\n  \"good\",\n  1,\n]\nnumbers = [1, 'x']\n");
  TableReader in = reading.reader();
  std::vector<std::string> list = {"default"};
  std::vector<unsigned> numbers = {4};
  in.strings("list", list);
  in.integers("numbers", numbers, {0, 9});
  EXPECT_EQ(list, std::vector<std::string>{"default"});
  EXPECT_EQ(numbers, std::vector<unsigned>{4});
  ASSERT_EQ(reading.errors().size(), 2u);
  EXPECT_EQ(reading.errors()[0], (ConfigError{3, 3, "list", "expected a text or a list of texts"}));
  EXPECT_EQ(reading.errors()[1],
            (ConfigError{5, 11, "numbers", "expected a list of numbers from 0 to 9"}));
}

TEST(TableReader, TakesOneTextForAListOfOne) {
  Reading reading("list = 'one'");
  TableReader in = reading.reader();
  std::vector<std::string> list;
  in.strings("list", list);
  EXPECT_EQ(list, std::vector<std::string>{"one"});
}

TEST(TableReader, GuessesTheMeantKey) {
  Reading reading("liftime = 1\nquite_another = 2\n[sectoin]\n");
  TableReader in = reading.reader();
  std::uint32_t lifetime = 0;
  in.seconds("lifetime", lifetime, {0, 9});
  in.table("section");
  in.finish();
  ASSERT_EQ(reading.errors().size(), 3u);
  const auto error = [&](std::string_view key) {
    return *std::ranges::find(reading.errors(), key, &ConfigError::key);
  };
  EXPECT_EQ(error("liftime"),
            (ConfigError{1, 1, "liftime", "unknown key; did you mean \"lifetime\"?"}));
  EXPECT_EQ(error("quite_another"), (ConfigError{2, 1, "quite_another", "unknown key"}));
  EXPECT_EQ(error("sectoin").text, "unknown section; did you mean \"section\"?");
}

TEST(TableReader, ReadsDurationsInTheUnitAsked) {
  Reading reading("a = '2m'\nb = '1500ms'\nc = '1500ms'\nd = 5\ne = '11s'\n");
  TableReader in = reading.reader();
  std::uint32_t a = 0, b = 0, c = 0, d = 0, e = 0;
  in.seconds("a", a, {1, 1000});
  in.milliseconds("b", b, {1, 10'000});
  in.seconds("c", c, {1, 10});
  in.seconds("d", d, {1, 10});
  in.seconds("e", e, {1, 10});
  EXPECT_EQ(a, 120u);
  EXPECT_EQ(b, 1500u);
  ASSERT_EQ(reading.errors().size(), 3u);
  EXPECT_EQ(reading.errors()[0].text,
            "expected a duration from 1s to 10s in whole seconds, not \"1500ms\"");
  EXPECT_EQ(reading.errors()[1].text, "expected a duration as a text, e.g. \"90s\" or \"24h\"");
  EXPECT_EQ(reading.errors()[2].text,
            "expected a duration from 1s to 10s in whole seconds, not \"11s\"");
}

TEST(TableReader, OffersTheWordsOfAChoice) {
  Reading reading("mode = 'autp'");
  TableReader in = reading.reader();
  int mode = 9;
  in.choice<int>("mode", mode, {{"auto", 0}, {"always", 1}, {"never", 2}});
  EXPECT_EQ(mode, 9);
  ASSERT_EQ(reading.errors().size(), 1u);
  EXPECT_EQ(reading.errors()[0].text, "expected \"auto\", \"always\" or \"never\", not \"autp\"");
}

TEST(TableReader, ReportsMissingRequiredKeysAndWrongSections) {
  Reading reading("section = 1\n");
  TableReader in = reading.reader();
  std::string text;
  in.string("device", text, Presence::required);
  EXPECT_EQ(in.table("section"), nullptr);
  EXPECT_EQ(in.table("absent", Presence::required), nullptr);
  ASSERT_EQ(reading.errors().size(), 3u);
  EXPECT_EQ(reading.errors()[0].text, "is missing and has no default");
  EXPECT_EQ(reading.errors()[1].text, "expected a section: [section]");
  EXPECT_EQ(reading.errors()[2].key, "absent");
}

TEST(TableReader, GivesNamedTablesInTheOrderOfTheFile) {
  Reading reading("[z]\n[a]\n");
  TableReader in = reading.reader();
  const auto tables = in.named_tables();
  in.finish();
  ASSERT_EQ(tables.size(), 2u);
  EXPECT_EQ(tables[0].first, "z");
  EXPECT_EQ(tables[1].first, "a");
  EXPECT_TRUE(reading.errors().empty());
}

}  // namespace
}  // namespace cp
