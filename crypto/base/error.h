// Errors of the cold path and CHECK, the trap for our own mistakes.
//
// The cold path returns std::expected<T, Error>. The packet path has no error objects: a stage
// drops a lane with a reason (dataplane/drop.h). What a peer sends can never reach CHECK.
#pragma once

#include <expected>
#include <source_location>
#include <string>

namespace crypto {

// What went wrong and what to do about it, as one sentence for an operator. Never holds a secret.
struct Error {
  std::string text;
};

template <class T>
using Result = std::expected<T, Error>;
using Status = std::expected<void, Error>;

inline std::unexpected<Error> fail(std::string text) {
  return std::unexpected(Error{std::move(text)});
}

// Prints file, line and `what`, then aborts.
[[noreturn]] void check_failed(const char* what, std::source_location where);

}  // namespace crypto

#define CHECK(condition)                                                   \
  do {                                                                     \
    if (!(condition)) [[unlikely]]                                         \
      ::crypto::check_failed(#condition, std::source_location::current()); \
  } while (false)
