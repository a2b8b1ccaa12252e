// Section: a table of a configuration and the mistakes that its reader finds.
#pragma once

#include <gtest/gtest.h>

#include <initializer_list>
#include <string>
#include <vector>

#include "controlplane/config.h"
#include "controlplane/table_reader.h"

namespace cp {

// A section with one mistake in `line`, which stands in the second line of the text.
struct Mistake {
  const char* line;
  const char* expected;
};

class Section {
 public:
  explicit Section(std::string_view text) : table_(toml::parse(text)) {}
  TableReader reader() { return {table_, "s", errors_}; }
  std::vector<ConfigError>& errors() { return errors_; }
  std::string first_error() const {
    return errors_.empty() ? "" : error_line("f", errors_.front());
  }

 private:
  toml::table table_;
  std::vector<ConfigError> errors_;
};

template <class Read>
void expect_mistakes(std::initializer_list<Mistake> mistakes, Read read, std::string head = "\n") {
  for (const Mistake& mistake : mistakes) {
    Section section(head + mistake.line);
    read(section);
    EXPECT_EQ(section.first_error(), mistake.expected) << mistake.line;
  }
}

}  // namespace cp
