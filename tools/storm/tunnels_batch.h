// A client's tunnel and the scratch of one burst, private to Tunnels.
#pragma once

#include <array>

#include "tools/storm/tunnels.h"

namespace storm {

inline constexpr std::size_t kReplayWindow = 64;

enum class TunnelState : std::uint8_t { none, waiting, back, given_up };

// Plain memory inside an arena; KEYMAT stands behind it.
struct Tunnels::Tunnel {
  std::uint64_t scheduled_ns;  // when the client wanted to start
  std::uint64_t interval_ns;   // until the next repetition
  std::uint64_t seen;          // bit i: number top - i came
  std::uint32_t top;           // the highest sequence number that came
  std::uint32_t sent;          // sequence numbers used
  std::uint32_t spi_in, spi_out;
  EchoEnds ends;
  TunnelState state;
  std::uint8_t tries;
};

struct Tunnels::Batch {
  std::array<EspSealLane, kBatchMax> seals;
  std::array<EspOpenLane, kBatchMax> opens;
  std::array<std::uint32_t, kBatchMax> clients;  // of `opens`
  std::array<std::array<std::uint8_t, kAnswerMax>, kBatchMax> packets, plaintexts;
};

}  // namespace storm
