// The clock mark: the latest wall-clock time that a state directory has seen, in a file there.
//
// Used-sets of expired tickets are removed. Were the clock set back behind that moment, those
// tickets would be good again and nothing would say which of them were used. So the time that
// tickets are judged by never goes back behind the mark, which is written before a used-set is
// removed.
//
//   file   "clock-mark": seconds since 1970 as decimal digits, and a line feed
#pragma once

#include <cstdint>
#include <string>

#include "crypto/base/error.h"

namespace dp {

// 0 when there is no mark yet. Errors: the file cannot be read, or holds something else.
crypto::Result<std::uint64_t> read_clock_mark(const std::string& dir);
// On the disk when it returns.
crypto::Status write_clock_mark(const std::string& dir, std::uint64_t unix_s);

}  // namespace dp
