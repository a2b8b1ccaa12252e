// Rekeys of a Child SA in full traffic, in a network that delays and reorders: until the Delete no
// packet of either SA is lost or comes twice, in either direction. RFC 7296 §2.8.
#include <gtest/gtest.h>

#include <map>
#include <random>
#include <set>

#include "tests/support/inside_probe.h"

namespace {

using dp::Drop;
using rig::EspPeer;
using rig::EspProbe;
using rig::InsideProbe;
using rig::Octets;

constexpr std::uint64_t kDelayMs = 20;  // of a packet on its way, at most
constexpr dp::Mac kNextHop{2, 0, 0, 0, 0, 0x77};

rig::Options options(std::uint64_t seed) {
  return {.workers = 2, .seed = seed, .configure = [](dp::WorkerConfig& c) {
            c.inside_route.gateway_mac = kNextHop;
          }};
}

// Packets by the number that they carry.
struct Journey {
  std::set<std::uint32_t> sent;
  std::map<std::uint32_t, unsigned> arrived;

  std::string complaint() const {
    for (const std::uint32_t number : sent)
      if (!arrived.contains(number)) return "lost: " + std::to_string(number);
    for (const auto& [number, times] : arrived)
      if (times != 1 || !sent.contains(number)) return "not once: " + std::to_string(number);
    return sent.empty() ? "nothing was sent" : "";
  }
};

class Drain {
 public:
  explicit Drain(std::uint64_t seed)
      : probe_(options(seed)), t_(probe_.tunnel({.encapsulated = seed % 2 == 0})), random_(seed) {
    receives_by_.push_back(std::move(t_.peer));
    sends_by_ = &receives_by_.front();
  }

  // The client asks; our answer reaches it so much later, because its first copies were lost.
  void client_rekeys(std::uint64_t answer_ms) {
    EspPeer fresh = install(false);
    const std::uint64_t answered = now_ + answer_ms;
    while (now_ < answered) pass();
    client_uses(std::move(fresh));
    delete_old();
  }
  // We ask; the client has the new SA before we do, and sends by it when it sees us use it.
  void gateway_rekeys() {
    const std::uint64_t answered = now_ + kDelayMs;
    while (now_ < answered) pass();
    EspPeer fresh = install(true);
    receives_by_.push_back(std::move(fresh));
    sends_by_ = &receives_by_[receives_by_.size() - 2];
    switch_when_used_ = true;
    for (const std::uint64_t end = now_ + kDelayMs; now_ < end;) pass();
    delete_old();
  }
  // Traffic without anything else.
  void go_on(std::uint64_t ms) {
    for (const std::uint64_t end = now_ + ms; now_ < end;) pass();
  }
  // Everything that is on its way arrives.
  void settle() {
    quiet_ = true;
    go_on(2 * kDelayMs);
    quiet_ = false;
  }

  Journey inward, outward;
  std::map<Drop, unsigned> drops;
  unsigned by_new_before_delete = 0;  // packets that the client got by the newer of two SAs
  bool conserved() { return probe_.gateway.conserved(); }

 private:
  struct OnItsWay {
    Octets frame;
    unsigned worker;
    enum class To : std::uint8_t { outside, inside, client } to;
  };

  EspPeer install(bool we_initiated) {
    EspPeer fresh = probe_.install(t_, place_, {.we_initiated = we_initiated});
    places_.push_back(place_++);
    return fresh;
  }
  void client_uses(EspPeer fresh) {
    receives_by_.push_back(std::move(fresh));
    sends_by_ = &receives_by_.back();
  }
  // Whoever rekeyed has seen what was under way arrive, and deletes.
  void delete_old() {
    const unsigned before = by_new_before_delete;
    go_on(2 * kDelayMs + 1);
    EXPECT_GT(by_new_before_delete, before) << "the gateway has gone over";
    const std::uint32_t old = receives_by_.front().gateway_spi;
    EXPECT_EQ(sends_by_, &receives_by_.back()) << "the client has gone over";
    dp::Order* letter = probe_.gateway.shared().seams[0]->orders.claim();
    ASSERT_NE(letter, nullptr);
    letter->kind = dp::OrderKind::remove_child;
    letter->message_len = 0;
    letter->child.spi_in = ike::EspSpi(old);
    probe_.gateway.shared().seams[0]->orders.publish();
    pass();
    go_on(kDelayMs + 1);  // what we had sent by it arrives
    receives_by_.erase(receives_by_.begin());
    sends_by_ = &receives_by_.back();
  }

  // A millisecond: both ends send, and what is due arrives.
  void pass() {
    if (!quiet_) {
      client_sends();
      host_sends();
    }
    ++now_;
    ++probe_.gateway.now.ms;
    while (!under_way_.empty() && under_way_.begin()->first <= now_) {
      const OnItsWay one = std::move(under_way_.begin()->second);
      under_way_.erase(under_way_.begin());
      arrive(one);
    }
    run();
  }
  void run() {
    rig::Reaction reaction = probe_.run();
    for (const auto& [why, times] : reaction.drops) drops[why] += times;
    for (dp::Packet& packet : reaction.packets)
      send({packet.protocol == 50 ? packet.l4 : packet.payload, 0, OnItsWay::To::client});
    for (const Octets& frame : probe_.sent_inside()) ++inward.arrived[number_in(frame)];
  }
  void arrive(const OnItsWay& one) {
    switch (one.to) {
      case OnItsWay::To::outside:
        EXPECT_TRUE(probe_.gateway.port(one.worker).inject(one.frame));
        break;
      case OnItsWay::To::inside:
        EXPECT_TRUE(probe_.gateway.inside(one.worker).inject(one.frame));
        break;
      case OnItsWay::To::client:
        client_takes(one.frame);
    }
  }
  void client_takes(const Octets& esp) {
    for (EspPeer& peer : receives_by_) {
      const auto opened = peer.open(esp);
      if (!opened) continue;
      ++outward.arrived[number_in(dp::PacketBuilder().ether(dp::kEtherIp4, opened->inner))];
      if (&peer != &receives_by_.back() || receives_by_.size() == 1) return;
      ++by_new_before_delete;
      if (switch_when_used_) sends_by_ = &peer;
      return;
    }
  }
  // It arrives at any worker, and not in order.
  void send(OnItsWay one) {
    one.worker = static_cast<unsigned>(random_() % 2);
    under_way_.emplace(now_ + 1 + random_() % kDelayMs, std::move(one));
  }
  void client_sends() {
    inward.sent.insert(++number_);
    const Octets packet = InsideProbe::inner(InsideProbe::from_client(t_).udp(rig::be32(number_)));
    send({EspProbe::frame(t_, sends_by_->seal(packet)), 0, OnItsWay::To::outside});
  }
  void host_sends() {
    outward.sent.insert(++number_);
    send({InsideProbe::to_client(t_).udp(rig::be32(number_)), 0, OnItsWay::To::inside});
  }
  static std::uint32_t number_in(const Octets& frame) {
    const auto packet = dp::read_packet(frame);
    EXPECT_TRUE(packet.has_value() && packet->payload.size() == 4);
    return packet ? crypto::load_be32(packet->payload.data()) : 0;
  }

  InsideProbe probe_;
  rig::Tunnel t_;
  std::minstd_rand random_;
  std::vector<EspPeer> receives_by_;  // the client's SAs, oldest first
  EspPeer* sends_by_ = nullptr;
  bool switch_when_used_ = false, quiet_ = false;
  std::multimap<std::uint64_t, OnItsWay> under_way_;
  std::uint64_t now_ = 0;
  std::uint32_t number_ = 0, place_ = 0;
  std::vector<std::uint32_t> places_;
};

void expect_nothing_lost(Drain& d) {
  d.settle();
  EXPECT_EQ(d.inward.complaint(), "");
  EXPECT_EQ(d.outward.complaint(), "");
  EXPECT_TRUE(d.drops.empty()) << dp::drop_name(d.drops.begin()->first);
  EXPECT_GT(d.by_new_before_delete, 0u) << "both SAs were in use";
  EXPECT_TRUE(d.conserved());
}

TEST(Drain, LosesNothingWhenTheClientRekeys) {
  for (std::uint64_t seed = 1; seed <= 8; ++seed) {
    SCOPED_TRACE(seed);
    Drain d(seed);
    for (int i = 0; i < 4; ++i) {
      d.go_on(30);
      d.client_rekeys(kDelayMs);
    }
    expect_nothing_lost(d);
  }
}

TEST(Drain, LosesNothingWhenTheGatewayRekeys) {
  for (std::uint64_t seed = 1; seed <= 8; ++seed) {
    SCOPED_TRACE(seed);
    Drain d(seed);
    for (int i = 0; i < 4; ++i) {
      d.go_on(30);
      d.gateway_rekeys();
    }
    expect_nothing_lost(d);
  }
}

// RFC 7296 §2.8: the responder goes on with the old SA until it sees the new one used, or the
// Delete. The first answer is lost, and a client such as strongSwan asks again after 4 s.
TEST(Drain, LosesNothingWhenTheAnswerToTheClientIsLost) {
  Drain d(9);
  d.client_rekeys(4'000 + kDelayMs);
  expect_nothing_lost(d);
}

}  // namespace
