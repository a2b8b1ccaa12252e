// Recalls: resumed SAs that shall end and are still with their workers. Each is called back, ends
// when it comes, and only so many are under way at a time; the others wait here.
//
// A worker whose ring is full cannot give an SA up and says nothing, so it is asked again; after
// kRecallTries the SA counts as gone. Control thread only.
#pragma once

#include <cstdint>
#include <deque>
#include <optional>
#include <unordered_map>

#include "ike/ids.h"

namespace cp {

// Called back or closing, at a time.
inline constexpr std::size_t kRecallsMax = 4096;
inline constexpr std::uint64_t kRecallAgainMs = 2000;
inline constexpr unsigned kRecallTries = 5;

struct Recall {
  unsigned worker;
  ike::IkeSpi spi_r;
  bool operator==(const Recall&) const = default;
};

class Recalls {
 public:
  void add(const Recall& recall) { waiting_.push_back(recall); }
  // The next one to be told to its worker; nothing when none is due. `closing` are SAs that came
  // and are not closed yet.
  std::optional<Recall> next(std::uint64_t now_ms, std::size_t closing);
  // The SA has come: whether it was called back.
  bool came(ike::IkeSpi spi_r) { return called_.erase(spi_r.value()) != 0; }
  std::size_t waiting() const { return waiting_.size(); }
  std::size_t called() const { return called_.size(); }
  std::uint64_t lost() const { return lost_; }  // never came

 private:
  struct Called {
    unsigned worker;
    unsigned tries;
  };
  struct Due {
    std::uint64_t at_ms;
    std::uint64_t spi_r;
  };
  std::deque<Recall> waiting_;
  std::unordered_map<std::uint64_t, Called> called_;
  std::deque<Due> due_;  // of called_, and of some that came
  std::uint64_t lost_ = 0;
};

}  // namespace cp
