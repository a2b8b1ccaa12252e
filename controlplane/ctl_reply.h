// The answers of the control socket: one line of JSON for each row, and a last one.
//
//   {"row": {...}}                 of a list or of `log`
//   {"done": {"rows": 2, ...}}     the end: the verb did what it was asked; with "silent_workers"
//                                  that are not empty, it did so but for what those have
//   {"error": "..."}               the end: it did not
//
// docs/operations.md describes the members of each row. What peers say (identities) is written so
// that it cannot end a line. Pure; any thread.
#pragma once

#include <string>
#include <string_view>

#include "controlplane/ctl_verbs.h"

namespace cp {

std::string ctl_row(const CtlSa& sa);
std::string ctl_row(const Connection& connection);
std::string ctl_row(const CtlPool& pool);
std::string ctl_row(const CtlStats& stats);
std::string ctl_row(const CtlValue& value);
struct CtlLogLine {
  std::uint64_t unix_ms = 0;
  std::string_view level;
  std::string_view text;
};
std::string ctl_row(const CtlLogLine& line);

std::string ctl_done(std::uint64_t rows);
std::string ctl_done(const CtlListing& listing, std::uint64_t rows);
std::string ctl_done(const CtlEnding& ending);
std::string ctl_done_saying(std::string_view text);       // of rotate-keys and revoke
std::string ctl_done_reloading(const CtlReload& reload);  // of reload, without mistakes
std::string ctl_error(std::string_view text);
std::string ctl_error(const std::vector<std::string>& mistakes);

}  // namespace cp
