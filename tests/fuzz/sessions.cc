// Fuzz target: a sequence of operations on a session table, against a model that is slow and plain.
// Gauges, look-ups, ages and kept octets agree after every step.
//
//   input = steps of two octets: operation, argument
#include <algorithm>
#include <cstdint>
#include <deque>
#include <map>
#include <memory>
#include <vector>

#include "crypto/base/error.h"
#include "crypto/random.h"
#include "dataplane/session_table.h"

namespace {

using dp::SlotState;

constexpr std::uint32_t kSlots = 12;
constexpr std::uint32_t kHalves = 8;
constexpr std::uint32_t kSpills = 3;

struct Live {
  std::uint32_t slot = 0;
  SlotState state = SlotState::half_open;
  std::uint64_t created_ms = 0;
  std::size_t kept_len = 0;  // octets in the blob, all of value `mark`
  std::uint8_t mark = 0;
};

class Model {
 public:
  Model() {
    auto made = dp::SessionTable::make(
        {.sessions_max = kSlots, .half_open_max = kHalves, .spill_max = kSpills}, 3, codec_);
    CHECK(made.has_value());
    table_ = std::move(*made);
  }

  void step(std::uint8_t operation, std::uint8_t argument) {
    switch (operation % 8) {
      case 0:
      case 1:
        open();
        break;
      case 2:
        with(argument, SlotState::half_open,
             [&](ike::IkeSpi spi, Live& live) { establish(spi, live, argument); });
        break;
      case 3:
        with(argument, SlotState::half_open, [&](ike::IkeSpi spi, Live& live) {
          table_->close_half(table_->half_open(live.slot));
          forget(spi);
        });
        break;
      case 4:
        with(argument, argument < 0x80 ? SlotState::established : SlotState::adopted,
             [&](ike::IkeSpi spi, Live& live) {
               table_->close(live.slot);
               forget(spi);
             });
        break;
      case 5:
        with(argument, SlotState::established,
             [&](ike::IkeSpi, Live& live) { keep(live, std::size_t{argument} * 16, argument); });
        break;
      case 6:
        now_ms_ += argument;
        expire(now_ms_ > 100 ? now_ms_ - 100 : 0);
        break;
      default:
        gone_.push_back(ike::IkeSpi(random_.u64()));
        if (argument % 2 != 0)
          with(argument, SlotState::established, [&](ike::IkeSpi, Live& live) { adopt(live); });
    }
    check();
  }

 private:
  // The argument-th live session of this kind, if any.
  template <class F>
  void with(std::uint8_t argument, SlotState state, F f) {
    std::vector<ike::IkeSpi> all;
    for (const auto& [spi, live] : live_)
      if (live.state == state) all.push_back(spi);
    if (all.empty()) return;
    const ike::IkeSpi spi = all[argument % all.size()];
    f(spi, live_[spi]);
  }
  void forget(ike::IkeSpi spi) {
    live_.erase(spi);
    gone_.push_back(spi);
    if (gone_.size() > 64) gone_.pop_front();
  }
  std::size_t count(SlotState state) const {
    return static_cast<std::size_t>(
        std::ranges::count(live_, state, [](const auto& l) { return l.second.state; }));
  }

  void open() {
    const bool room = live_.size() < kSlots && count(SlotState::half_open) < kHalves;
    dp::HalfOpen* half = table_->open_half(random_);
    CHECK((half != nullptr) == room);
    if (half == nullptr) return;
    half->created_ms = now_ms_;
    half->spi_i = ike::IkeSpi(half->spi_r.value() ^ 5);
    CHECK(half->spi_r.value() != 0 && half->fragment_record == dp::kNoIndex);
    CHECK(live_.emplace(half->spi_r, Live{.slot = half->slot, .created_ms = now_ms_}).second);
  }
  void establish(ike::IkeSpi spi, Live& live, std::uint8_t argument) {
    dp::HalfOpen& half = table_->half_open(live.slot);
    dp::Session& session = table_->establish(half);
    CHECK(session.spi_r == spi && session.spi_i == half.spi_i);
    CHECK(session.spill == dp::kNoIndex && session.response_len == 0);
    table_->finish_half(half);
    live.state = SlotState::established;
    keep(live, argument, argument);
  }
  void adopt(Live& live) {
    table_->adopt(live.slot);
    live.state = SlotState::adopted;
    live.kept_len = 0;
  }
  // What close() wipes follows from response_len.
  void keep(Live& live, std::size_t len, std::uint8_t mark) {
    dp::Session& session = table_->session(live.slot);
    const crypto::MutBytes blob = table_->blob(session, len);
    if (blob.size() < len) {
      CHECK(blob.empty());
      return;
    }
    std::fill_n(blob.begin(), len, mark);
    live.kept_len = len;
    live.mark = mark;
    session.response_len = static_cast<std::uint16_t>(len);
  }
  void expire(std::uint64_t before_ms) {
    while (dp::HalfOpen* half = table_->expired_half(before_ms)) {
      for (const auto& [spi, live] : live_)
        CHECK(live.state != SlotState::half_open || live.created_ms >= half->created_ms);
      const ike::IkeSpi spi = half->spi_r;
      table_->close_half(*half);
      forget(spi);
    }
    for (const auto& [spi, live] : live_)
      CHECK(live.state != SlotState::half_open || live.created_ms >= before_ms);
  }

  void check() {
    CHECK(table_->half_open_count() == count(SlotState::half_open));
    CHECK(table_->established_count() == count(SlotState::established));
    for (const auto& [spi, live] : live_) {
      const auto found = table_->find(codec_.decode(spi));
      CHECK(found.slot == live.slot);
      CHECK(found.state == live.state);
      if (live.state == SlotState::half_open) {
        CHECK(table_->half_open(live.slot).spi_r == spi);
        continue;
      }
      const crypto::MutBytes blob = table_->blob(table_->session(live.slot), 0);
      CHECK(std::all_of(blob.begin(), blob.begin() + static_cast<std::ptrdiff_t>(live.kept_len),
                        [&](std::uint8_t octet) { return octet == live.mark; }));
    }
    for (const ike::IkeSpi spi : gone_)
      CHECK(live_.contains(spi) || table_->find(codec_.decode(spi)).state == SlotState::free);
  }

  dp::SpiCodec codec_{{1, 2, 3, 4}};
  std::unique_ptr<dp::SessionTable> table_;
  crypto::Random random_{1};
  std::map<ike::IkeSpi, Live> live_;
  std::deque<ike::IkeSpi> gone_;
  std::uint64_t now_ms_ = 0;
};

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* octets, std::size_t len) {
  Model model;
  for (std::size_t at = 0; at + 2 <= std::min<std::size_t>(len, 4096); at += 2)
    model.step(octets[at], octets[at + 1]);
  return 0;
}
