// Clients' tunnels against an independent peer: who is back, and what does not count.
#include <gtest/gtest.h>

#include <functional>
#include <map>

#include "tests/support/esp_peer.h"
#include "tests/support/packet_builder.h"
#include "tests/tools/storm_fixture.h"
#include "tools/storm/child_offer.h"
#include "tools/storm/tunnels.h"

namespace storm {
namespace {

constexpr ike::Ip4 kTarget4 = {192, 0, 2, 1};
constexpr ike::Ip6 kTarget6 = {0x20, 1, 0xd, 0xb8, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 1};

ike::Suite esn(ike::Suite suite) {
  suite.esn = true;
  return suite;
}
const ike::Suite kGcm128{.encr = ike::EncrId::aes_gcm_16, .key_bits = 128};

std::uint16_t checksum(const Octets& octets, std::size_t from, std::uint32_t sum = 0) {
  for (std::size_t i = from; i < octets.size(); i += 2)
    sum += octets[i] * 256u + (i + 1 < octets.size() ? octets[i + 1] : 0u);
  while (sum >> 16 != 0) sum = (sum & 0xffff) + (sum >> 16);
  return static_cast<std::uint16_t>(~sum);
}

// With plain code: what a host makes of an echo request. Checksums are right whatever `change` did.
Octets reply_to(Octets packet, const std::function<void(Octets&)>& change) {
  const bool is_ip6 = packet[0] >> 4 == 6;
  const std::size_t at = is_ip6 ? 8 : 12, len = is_ip6 ? 16 : 4, l4 = is_ip6 ? 40 : 20;
  std::swap_ranges(packet.begin() + static_cast<long>(at),
                   packet.begin() + static_cast<long>(at + len),
                   packet.begin() + static_cast<long>(at + len));
  packet[l4] = is_ip6 ? 129 : 0;
  if (change) change(packet);
  std::uint32_t sum = 0;
  if (is_ip6) {
    sum = static_cast<std::uint32_t>(packet.size() - 40 + 58);
    for (std::size_t i = 8; i < 40; i += 2) sum += packet[i] * 256u + packet[i + 1];
  } else {
    const Octets header(packet.begin(), packet.begin() + 20);
    crypto::store_be16(packet.data() + 10, 0);
    crypto::store_be16(packet.data() + 10,
                       checksum(Octets(packet.begin(), packet.begin() + 20), 0));
  }
  crypto::store_be16(packet.data() + l4 + 2, 0);
  crypto::store_be16(packet.data() + l4 + 2, checksum(packet, l4, sum));
  return packet;
}

// Tunnels of clients, and a peer for each at the other end; time passes when we say so.
class TunnelEnds {
 public:
  explicit TunnelEnds(std::uint32_t clients, const ike::Suite& suite = kGcm256) {
    config.clients = clients;
    config.first_client = 700;
    config.suite = suite;
    config.target4 = kTarget4;
    config.target6 = kTarget6;
    config.retry = {.first_ns = 100 * kMs, .factor = 2, .jitter = 0, .tries = 3};
  }
  void make() {
    auto made = Tunnels::make(config, *engine, random, &recorder);
    ASSERT_TRUE(made.has_value()) << made.error().text;
    tunnels = std::move(*made);
  }
  void come_up(std::uint32_t client, bool ip4 = true, bool ip6 = false) {
    Octets keymat(ike::child_keymat_len(config.suite));
    random.fill(keymat);
    Established session{.client = client, .scheduled_ns = now - kMs};
    session.child_spi_in = draw_child_spi(config.first_client + client, random);
    session.child_spi_out = ike::EspSpi(0x40000000 + client);
    session.child_keys = ike::split_child_keymat(config.suite, keymat);
    session.renewed.has_ip4 = ip4;
    session.renewed.has_ip6 = ip6;
    session.renewed.ip4 = {10, 0, 0, static_cast<std::uint8_t>(client + 1)};
    session.renewed.ip6 = {0xfd, 0, 0, static_cast<std::uint8_t>(client + 1)};
    tunnels->established(session);
    // The gateway's end: the halves the other way round.
    std::ranges::rotate(keymat, keymat.begin() + static_cast<long>(keymat.size() / 2));
    peers.erase(client);
    peers.try_emplace(client, config.suite, keymat, session.child_spi_in.value(),
                      session.child_spi_out.value());
  }
  // What is to be sent now; each packet is opened at the other end.
  std::vector<Octets> send() {
    std::vector<Octets> answers;
    std::array<Outgoing, kBatchMax> out;
    while (const std::size_t count = tunnels->poll(now, out)) {
      for (const Outgoing& o : std::span(out).first(count)) {
        EXPECT_TRUE(o.is_esp);
        EXPECT_FALSE(o.first_exchange);
        rig::EspPeer& peer = peers.at(o.client - config.first_client);
        const auto opened = peer.open(o.message);
        if (!opened) {
          ADD_FAILURE() << "not sealed with the keys of the client";
          continue;
        }
        numbers.push_back(opened->number);
        lengths.push_back(opened->inner.size());
        sent_at.push_back(now);
        for (std::size_t i = 0; i < opened->padding.size(); ++i)
          EXPECT_EQ(opened->padding[i], i + 1);
        if (deaf) continue;
        Octets reply = reply_to(opened->inner, change);
        if (spoil) spoil(reply);
        Octets esp = peer.seal(reply, edit);
        if (tamper) tamper(esp);
        answers.push_back(std::move(esp));
      }
    }
    return answers;
  }
  void deliver(const std::vector<Octets>& packets) {
    const std::vector<crypto::Bytes> views(packets.begin(), packets.end());
    tunnels->receive(views, now);
  }
  void settle() { deliver(send()); }
  void run(std::uint64_t ms) {
    for (const std::uint64_t end = now + ms * kMs; now < end; now += kMs) settle();
  }
  const TunnelTotals& totals() const { return tunnels->totals(); }

  TunnelConfig config;
  std::unique_ptr<crypto::Engine> engine = crypto::make_mb_engine();
  crypto::Random random{9};
  Recorder recorder;
  std::unique_ptr<Tunnels> tunnels;
  std::map<std::uint32_t, rig::EspPeer> peers;
  std::function<void(Octets&)> change, tamper;  // the inner reply; the ESP packet
  std::function<void(Octets&)> spoil;           // the inner reply, checksums and all
  rig::EspPeer::Edit edit;
  bool deaf = false;
  std::uint64_t now = 5'000 * kMs;
  std::vector<std::uint64_t> numbers, sent_at;
  std::vector<std::size_t> lengths;
};

TEST(Tunnels, BringClientsBackInAllSuitesAndBothFamilies) {
  for (const ike::Suite& suite :
       {kGcm256, kGcm128, kChaCha, kCbc, kCbc128Sha384, esn(kGcm256), esn(kChaCha), esn(kCbc)}) {
    TunnelEnds t(100, suite);
    t.make();
    for (std::uint32_t client = 0; client < 100; ++client)
      t.come_up(client, client % 2 == 0, client % 2 == 1);
    EXPECT_FALSE(t.tunnels->done());
    EXPECT_EQ(t.totals().waiting.get(), 100u);
    t.settle();
    EXPECT_TRUE(t.tunnels->done());
    EXPECT_EQ(t.totals().back.get(), 100u);
    EXPECT_EQ(t.totals().sent.get(), 100u);
    EXPECT_EQ(t.totals().wrong.get() + t.totals().wrong_icv.get(), 0u);
    EXPECT_EQ(t.recorder.sessions.size(), 100u);  // the next one was told as well
    EXPECT_EQ(t.tunnels->latency().min(), 1 * kMs);
    EXPECT_EQ(t.totals().last_back_ns.get(), t.now);
  }
}

// RFC 4303 §2.4, §3.4: each of these is authentic, and no reply to what was asked.
TEST(Tunnels, TakeNoReplyThatIsWrongInAnyRespect) {
  const std::function<void(Octets&)> kWrong4[] = {
      [](Octets& p) { p[15] ^= 1; },  // from somebody else
      [](Octets& p) { p[19] ^= 1; },  // to somebody else
      [](Octets& p) { p[20] = 8; },   // a request
      [](Octets& p) { p[21] = 1; },   // another code
      [](Octets& p) { p[24] ^= 1; },  // identifier
      [](Octets& p) { p[27] ^= 1; },  // sequence
      [](Octets& p) { p[31] ^= 1; },  // data: the client
      [](Octets& p) {                 // a request never sent, with the data that it would have had
        p[35] = p[27] = 9;
        for (std::size_t i = 28 + kEchoMarkLen; i < p.size(); ++i)
          p[i] = static_cast<std::uint8_t>(p[i] + 8);
      },
      [](Octets& p) { p[36] = 0xff; },                                // data: sent in the future
      [](Octets& p) { p[44] = 7; },                                   // data: a kind there is not
      [](Octets& p) { p.back() ^= 0x80; },                            // data: the last octet
      [](Octets& p) { p[8] = 0; },                                    // no hop left
      [](Octets& p) { p[6] = 0x20; },                                 // a fragment
      [](Octets& p) { p[9] = 17; },                                   // UDP
      [](Octets& p) { p[3] = static_cast<std::uint8_t>(p[3] - 1); },  // shorter than it is
      [](Octets& p) { p.resize(40), p[3] = 40; },                     // no room for the mark
      [](Octets& p) { p[0] = 0x46; },                                 // options
  };
  for (const auto& wrong : kWrong4) {
    TunnelEnds t(1);
    t.make();
    t.come_up(0);
    t.change = wrong;
    t.settle();
    EXPECT_EQ(t.totals().wrong.get(), 1u) << &wrong - kWrong4;
    EXPECT_EQ(t.totals().back.get(), 0u);
    t.change = nullptr;
    t.run(150);  // asked once more
    EXPECT_EQ(t.totals().back.get(), 1u);
    EXPECT_EQ(t.totals().repeated.get(), 1u);
  }
  const std::function<void(Octets&)> kWrong6[] = {
      [](Octets& p) { p[23] ^= 1; },  // from somebody else
      [](Octets& p) { p[39] ^= 1; },  // to somebody else
      [](Octets& p) { p[40] = 128; }, [](Octets& p) { p[7] = 0; },
      [](Octets& p) { p[6] = 1; },    [](Octets& p) { ++p[5]; },  // longer than it is
  };
  for (const auto& wrong : kWrong6) {
    TunnelEnds t(1);
    t.make();
    t.come_up(0, false, true);
    t.change = wrong;
    t.settle();
    EXPECT_EQ(t.totals().wrong.get(), 1u) << &wrong - kWrong6;
    EXPECT_EQ(t.totals().back.get(), 0u);
  }
}

TEST(Tunnels, TakeNoReplyWithAWrongChecksum) {
  for (const bool is_ip6 : {false, true})
    for (const std::size_t at : {std::size_t{10}, is_ip6 ? std::size_t{42} : std::size_t{22}}) {
      TunnelEnds t(1);
      t.make();
      t.come_up(0, !is_ip6, is_ip6);
      t.spoil = [at](Octets& p) { p[at] ^= 1; };
      t.settle();
      EXPECT_EQ(t.totals().wrong.get(), 1u) << at;
      EXPECT_EQ(t.totals().back.get(), 0u);
    }
}

TEST(Tunnels, TakeNoPacketWithAWrongTrailer) {
  const rig::EspPeer::Edit kEdits[] = {
      {.next_header = 41}, {.next_header = 59}, {.first_pad = 2}, {.pad_len = 200}};
  for (const rig::EspPeer::Edit& edit : kEdits) {
    TunnelEnds t(1, kCbc);
    t.make();
    t.come_up(0);
    t.edit = edit;
    t.settle();
    EXPECT_EQ(t.totals().wrong.get(), 1u) << &edit - kEdits;
    EXPECT_EQ(t.totals().back.get(), 0u);
  }
}

TEST(Tunnels, BelieveNothingThatIsNotAuthentic) {
  for (const ike::Suite& suite : {kGcm256, kChaCha, kCbc}) {
    TunnelEnds t(2, suite);
    t.make();
    t.come_up(0);
    t.come_up(1);
    std::vector<Octets> right = t.send();
    ASSERT_EQ(right.size(), 2u);
    // Every octet of a packet counts, but those of the SPI say whose it is.
    for (std::size_t at = 4; at < right[0].size(); ++at) {
      Octets wrong = right[0];
      wrong[at] ^= 4;
      t.deliver({wrong});
    }
    EXPECT_EQ(t.totals().wrong_icv.get(), right[0].size() - 4);
    for (std::size_t len = 0; len < right[0].size(); ++len)
      t.deliver({Octets(right[0].begin(), right[0].begin() + static_cast<long>(len))});
    EXPECT_EQ(t.totals().wrong_icv.get() + t.totals().unknown_spi.get(), 2 * right[0].size() - 4);
    // Under the SPI of the other client.
    Octets crossed = right[0];
    std::copy_n(right[1].begin(), 4, crossed.begin());
    t.deliver({crossed});
    // Of an attempt before, of a client that is not up, of nobody.
    for (const std::uint32_t spi :
         {crypto::load_be32(right[0].data()) ^ 1, 703u << 7, 0u, 255u, 0xffffffffu}) {
      Octets unknown = right[0];
      crypto::store_be32(unknown.data(), spi);
      const std::uint64_t before = t.totals().unknown_spi.get();
      t.deliver({unknown});
      EXPECT_EQ(t.totals().unknown_spi.get(), before + 1) << spi;
    }
    EXPECT_EQ(t.totals().back.get(), 0u);
    t.deliver(right);
    EXPECT_EQ(t.totals().back.get(), 2u);
  }
}

TEST(Tunnels, CountAnAnswerOnce) {
  TunnelEnds t(3);
  t.make();
  for (std::uint32_t client = 0; client < 3; ++client) t.come_up(client);
  const std::vector<Octets> right = t.send();
  t.deliver(right);
  t.deliver(right);
  t.deliver({right[0], right[0]});
  EXPECT_EQ(t.totals().back.get(), 3u);
  EXPECT_EQ(t.totals().replayed.get(), 5u);
  EXPECT_EQ(t.totals().late.get(), 0u);
}

TEST(Tunnels, AskAgainWithNewNumbersAndGiveUp) {
  TunnelEnds t(1);
  t.make();
  t.come_up(0);
  t.deaf = true;
  const std::uint64_t start = t.now;
  t.run(2000);
  EXPECT_EQ(t.numbers, (std::vector<std::uint64_t>{1, 2, 3}));
  // 0, 100 and 300 ms: the intervals double. RFC 7296 §2.1.
  EXPECT_EQ((t.sent_at[1] - start) / kMs, 100u);
  EXPECT_EQ((t.sent_at[2] - start) / kMs, 300u);
  EXPECT_TRUE(t.tunnels->done());
  EXPECT_EQ(t.totals().given_up.get(), 1u);
  EXPECT_EQ(t.totals().back.get(), 0u);
  EXPECT_EQ(t.totals().repeated.get(), 2u);
}

TEST(Tunnels, TakeTheAnswerToAnyAttemptAndTheRestForLate) {
  TunnelEnds t(1);
  t.make();
  t.come_up(0);
  std::vector<Octets> answers = t.send();
  t.now += 150 * kMs;
  const std::vector<Octets> second = t.send();
  ASSERT_EQ(second.size(), 1u);
  t.deliver(second);
  EXPECT_EQ(t.totals().back.get(), 1u);
  t.deliver(answers);  // overtaken, and still within the window
  EXPECT_EQ(t.totals().late.get(), 1u);
  EXPECT_EQ(t.totals().replayed.get(), 0u);
}

TEST(Tunnels, GiveUpClientsWithoutAnAddressOfTheTargetsFamily) {
  TunnelEnds t(4);
  t.config.target6.reset();
  t.make();
  t.come_up(0, false, true);
  t.come_up(1, false, false);
  t.come_up(2, true, true);
  t.settle();
  EXPECT_EQ(t.totals().no_address.get(), 2u);
  EXPECT_EQ(t.totals().given_up.get(), 2u);
  EXPECT_EQ(t.totals().back.get(), 1u);
  EXPECT_TRUE(t.tunnels->done());
}

TEST(Tunnels, GiveUpWhoStillWaitsWhenTold) {
  TunnelEnds t(10);
  t.make();
  for (std::uint32_t client = 0; client < 6; ++client) t.come_up(client);
  t.deaf = true;
  t.settle();
  t.come_up(7);
  t.tunnels->give_up();
  EXPECT_TRUE(t.tunnels->done());
  EXPECT_EQ(t.totals().given_up.get(), 7u);
  t.numbers.clear();
  t.run(1000);
  EXPECT_TRUE(t.numbers.empty());
}

TEST(Tunnels, CarryTrafficAtItsRateOverTheFirstSessionsThatAreBack) {
  TunnelEnds t(20);
  t.config.traffic_rate = 10'000;
  t.config.traffic_sessions = 4;
  t.config.traffic_len = 512;
  t.make();
  t.run(50);  // nobody is back: nothing is sent
  EXPECT_TRUE(t.numbers.empty());
  for (std::uint32_t client = 0; client < 20; ++client) t.come_up(client);
  t.run(100);
  EXPECT_EQ(t.totals().back.get(), 20u);
  const auto& sent = t.totals().traffic_sent;
  const auto& answered = t.totals().traffic_answered;
  EXPECT_NEAR(static_cast<double>(sent[0].get()), 1000, 20);
  EXPECT_EQ(answered[0].get(), sent[0].get());
  EXPECT_EQ(std::ranges::count(t.lengths, 512u), static_cast<long>(sent[0].get()));
  EXPECT_LE(*std::ranges::max_element(t.numbers), sent[0].get() / 4 + 2);  // in turn
  // After the storm the gateway loses all of it.
  t.tunnels->storm_is_over();
  t.deaf = true;
  t.run(100);
  EXPECT_NEAR(static_cast<double>(sent[1].get()), 1000, 20);
  EXPECT_EQ(answered[1].get(), 0u);
  EXPECT_EQ(answered[0].get(), sent[0].get());
  t.tunnels->stop_traffic();
  t.numbers.clear();
  t.run(10);
  EXPECT_TRUE(t.numbers.empty());
}

// What could not be sent in time is not made up for: that would be another rate.
TEST(Tunnels, CatchUpWithAHundredthOfASecondOfTraffic) {
  TunnelEnds t(1);
  t.config.traffic_rate = 10'000;
  t.make();
  t.come_up(0);
  t.run(10);
  const std::uint64_t before = t.totals().traffic_sent[0].get();
  t.now += 3'000 * kMs;
  t.settle();
  EXPECT_LE(t.totals().traffic_sent[0].get() - before, 101u);
}

TEST(Tunnels, RefuseSizesThatDoNotFit) {
  for (const std::uint32_t len : {64u, 1401u}) {
    TunnelEnds t(1);
    t.config.traffic_len = len;
    EXPECT_FALSE(Tunnels::make(t.config, *t.engine, t.random).has_value()) << len;
  }
}

TEST(ChildSpi, NamesItsClientAndIsNeverReserved) {
  crypto::Random random(1);
  for (const std::uint32_t client : {0u, 1u, 77'777u, kEspClientsMax - 1}) {
    std::set<std::uint32_t> seen;
    for (int i = 0; i < 1000; ++i) {
      const ike::EspSpi spi = draw_child_spi(client, random);
      EXPECT_EQ(client_of(spi), client);
      EXPECT_GE(spi.value(), 256u);
      seen.insert(spi.value());
    }
    EXPECT_GT(seen.size(), 100u);
  }
}

}  // namespace
}  // namespace storm
