// Result of a run: plain values, and the forms in which they are shown (table, JSON, CSV).
#pragma once

#include <cstdint>
#include <memory>
#include <string>
#include <utility>
#include <vector>

#include "crypto/base/error.h"
#include "tools/storm/histogram.h"
#include "tools/storm/outcome.h"

namespace storm {

// The storm at one moment, seconds since the first start.
struct Sample {
  double seconds = 0;
  std::uint64_t up = 0;    // sessions so far
  std::uint64_t back = 0;  // of these, with their echo
  std::uint64_t in_flight = 0;
  std::uint64_t retransmissions = 0;
};

// What was sent through tunnels of clients that are up.
struct TunnelResult {
  struct Traffic {
    std::string_view name;  // storm, after
    std::uint64_t sent = 0, answered = 0;
    Histogram latency;       // ns
    double percent() const;  // answered of sent
  };
  std::uint64_t back = 0;        // clients whose echo came back
  double seconds = 0;            // first start to last echo
  double last_back_unix_s = 0;   // 0 = none
  Histogram latency;             // ns, from the scheduled start of a client to its echo
  Histogram round_trip;          // ns, of the echo alone
  std::vector<Traffic> traffic;  // empty = none was asked for
};

struct Result {
  Outcome success = Outcome::resumed;  // or connected: what the clients wanted
  std::uint64_t clients = 0;
  double seconds = 0;                              // first start to last session up
  double first_up_unix_s = 0, last_up_unix_s = 0;  // wall-clock times; 0 = none
  std::array<std::uint64_t, kOutcomeCount> outcomes{};
  Histogram latency, dpd_latency;  // ns
  // Name and number of everything else that was counted, in the order to be shown.
  std::vector<std::pair<std::string, std::uint64_t>> counts;
  // Name and value of what was run on what: options, engine, device, machine.
  std::vector<std::pair<std::string, std::string>> setting;
  std::vector<Sample> samples;
  bool dpd = false;
  bool tickets_wanted = false;  // by connecting clients: without one they cannot come back
  std::unique_ptr<TunnelResult> tunnels;  // null = nothing was sent through them
  std::unique_ptr<Result> beside;         // of the clients that connected meanwhile; null = none

  std::uint64_t of(Outcome o) const { return outcomes[static_cast<std::size_t>(o)]; }
  std::uint64_t up() const { return of(success); }
  bool connecting() const { return success == Outcome::connected; }
  std::uint64_t count(std::string_view name) const;  // 0 when there is none
  double rate() const;                               // sessions a second
  // From the last session up to the last echo.
  double extra_seconds() const;
  // Why the run did not succeed: some client did not come up, some AUTH was wrong, some echo did
  // not come back, some session did not answer DPD, some client got no ticket. Empty = success.
  // What was beside does not count.
  std::string objection() const;
};

// Several lines for a terminal.
std::string to_table(const Result& result);
// One line, no newline.
std::string to_json(const Result& result);
// time_s,up,rate_per_s,in_flight,retransmissions,back
std::string to_csv(const Result& result);
// One self-contained page with the curve and the histogram as SVG.
std::string to_html(const Result& result);

// Writes `text` to a file, or to standard output for "-".
crypto::Status write_text(const std::string& path, const std::string& text);

// Not more than `points` samples, the last one included.
std::vector<Sample> thinned(const std::vector<Sample>& samples, std::size_t points);

}  // namespace storm
