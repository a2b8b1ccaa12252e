// Clients that speak to a rig's worker without a wire: frames are made outside of the timed part.
#pragma once

#include <array>
#include <memory>

#include "crypto/base/error.h"
#include "tests/support/gateway_rig.h"
#include "tools/storm/initiator.h"

namespace bench {

inline constexpr unsigned kFlights =
    1024;  // resumptions in flight: the set between the two messages

class Load {
 public:
  Load(rig::GatewayRig& gateway, const storm::TicketBag& bag, std::uint32_t clients)
      : gateway_(gateway), random_(clients), engine_(crypto::make_mb_engine()) {
    auto made =
        storm::Initiator::make({{.clients = clients, .flights = kFlights}}, bag, *engine_, random_);
    CHECK(made.has_value());
    initiator_ = std::move(*made);
  }

  // Puts up to `frames` requests into the port's queue; false when there are none.
  bool feed(unsigned frames) {
    std::size_t fed = 0;
    while (fed < frames) {
      const std::size_t n = initiator_->poll(now_ns_, out_);
      if (n == 0) break;
      for (std::size_t i = 0; i < n; ++i) inject(out_[i]);
      fed += n;
    }
    now_ns_ += 1000;
    return fed != 0;
  }
  void take_answers() {
    gateway_.port().drain_sent([&](crypto::Bytes frame) {
      // Ethernet, IPv4 and UDP headers without options: the port's frames are ours.
      const crypto::Bytes message = frame.subspan(14 + 20 + 8);
      initiator_->receive({&message, 1}, now_ns_);
    });
  }
  const storm::Initiator& initiator() const { return *initiator_; }

 private:
  void inject(const storm::Outgoing& out) {
    dp::PacketBuilder builder;
    builder.source4 = {198, static_cast<std::uint8_t>(18 + (out.client >> 16)),
                       static_cast<std::uint8_t>(out.client >> 8),
                       static_cast<std::uint8_t>(out.client)};
    std::uint8_t frame[2048];
    const std::size_t len = builder.write_ike(out.message, frame);
    // As a NIC with checksum offload reports it.
    CHECK(gateway_.port().inject({frame, len}, {.ip_good = true, .l4_good = true}));
  }
  rig::GatewayRig& gateway_;
  crypto::Random random_;
  std::unique_ptr<crypto::Engine> engine_;
  std::unique_ptr<storm::Initiator> initiator_;
  std::array<storm::Outgoing, storm::kBatchMax> out_;
  std::uint64_t now_ns_ = 1'000'000'000;
};

}  // namespace bench
