// Tables: the rows of an answer as people read them. Octets that a terminal would obey are
// replaced: identities come from peers.
#pragma once

#include <string>
#include <string_view>
#include <vector>

#include "tools/ctl/session.h"

namespace ctl {

// One line for each row below a line of headings; nothing at all for no rows.
std::string sa_table(const std::vector<Json>& rows);
std::string connection_table(const std::vector<Json>& rows);
std::string pool_table(const std::vector<Json>& rows);
std::string counter_table(const std::vector<Json>& rows);
// What an answer does not have, a line for each: rows beyond the limit, workers that were silent.
std::string missing_text(const Json& done);
// A line for each member.
std::string stats_text(const Json& row);
std::string log_text(const Json& row);

// "1d 3h", "2h 5m", "7m 3s", "42s".
std::string age_text(std::uint64_t seconds);
// "999", "12.3k", "4.5M", ...
std::string amount_text(std::uint64_t amount);
// Without control characters.
std::string printable(std::string_view text);

}  // namespace ctl
