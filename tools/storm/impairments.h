// Impairments: a seeded bad network for one direction. Loses, duplicates and delays frames.
//
// Frames are copied in and handed out in order of their due time, so a delayed frame is overtaken
// by later ones. With the same seed and the same calls it does the same. One thread; time is given.
#pragma once

#include <cstdint>
#include <queue>
#include <vector>

#include "crypto/base/bytes.h"
#include "crypto/random.h"

namespace storm {

// Shares are of 1; each frame is judged by itself.
struct ImpairmentRates {
  double loss = 0;
  double duplicate = 0;
  double reorder = 0;                        // share of frames held back ...
  std::uint64_t reorder_ns_max = 2'000'000;  // ... for up to this time
  std::uint64_t delay_ns = 0;                // of every frame
  bool any() const { return loss > 0 || duplicate > 0 || reorder > 0 || delay_ns > 0; }
};

class Impairments {
 public:
  Impairments(const ImpairmentRates& rates, std::uint64_t seed) : rates_(rates), random_(seed) {}

  void push(crypto::Bytes frame, std::uint64_t now_ns);
  // The next frame that is due: true, and its octets in `frame` (what was there is thrown away).
  [[nodiscard]] bool pop(std::uint64_t now_ns, std::vector<std::uint8_t>& frame);

  bool empty() const { return waiting_.empty(); }
  std::uint64_t lost() const { return lost_; }
  std::uint64_t duplicated() const { return duplicated_; }
  std::uint64_t reordered() const { return reordered_; }

 private:
  struct Waiting {
    std::uint64_t due_ns;
    std::uint64_t number;  // of arrival: equal due times keep their order
    std::size_t store;
    bool operator>(const Waiting& other) const {
      return due_ns != other.due_ns ? due_ns > other.due_ns : number > other.number;
    }
  };
  bool happens(double share);
  void hold(crypto::Bytes frame, std::uint64_t due_ns);

  ImpairmentRates rates_;
  crypto::Random random_;
  std::priority_queue<Waiting, std::vector<Waiting>, std::greater<>> waiting_;
  std::vector<std::vector<std::uint8_t>> stores_;
  std::vector<std::size_t> free_;
  std::uint64_t next_number_ = 0;
  std::uint64_t lost_ = 0, duplicated_ = 0, reordered_ = 0;
};

}  // namespace storm
