// The pump: whole frames between the initiator and a port, neighbours, and a bad network.
#include <gtest/gtest.h>
#include <unistd.h>

#include <fstream>
#include <set>

#include "tests/support/fake_port.h"
#include "tests/support/packet_builder.h"
#include "tests/tools/storm_fixture.h"
#include "tests/tools/storm_handshake_responder.h"
#include "tools/storm/connector.h"
#include "tools/storm/pump.h"

namespace storm {
namespace {

constexpr dp::Mac kOurs = {2, 0, 0, 0, 0, 0x0c};
constexpr dp::Mac kGateway = {2, 0, 0, 0, 0, 1};
constexpr std::uint64_t kMs = 1'000'000;

PathConfig paths4() {
  PathConfig c;
  c.source = *parse_prefix("198.19.0.0/28");
  c.gateway = *parse_address("192.0.2.1");
  return c;
}
PathConfig paths6() {
  PathConfig c;
  c.source = *parse_prefix("2001:2:0:1::/64");
  c.gateway = *parse_address("2001:db8::1");
  return c;
}

// The gateway's side of the wire takes frames apart with code of its own and checks every checksum.
class Wire {
 public:
  explicit Wire(unsigned clients, const PathConfig& path = paths4()) : fixture(clients, {kGcm256}) {
    initiator_config.clients = clients;
    initiator_config.flights = 200;
    initiator_config.child_suite = kGcm256;
    path_config = path;
  }
  void make() {
    gateway = std::make_unique<ScalarResponder>(*fixture.bag);
    gateway->child_suite = kGcm256;
    auto made_paths = ClientPaths::make(path_config, initiator_config.clients);
    ASSERT_TRUE(made_paths.has_value()) << made_paths.error().text;
    paths = std::make_unique<ClientPaths>(std::move(*made_paths));
    framing = std::make_unique<Framing>(framing_config, *paths);
    engine = crypto::make_ossl_engine();
    auto made = Initiator::make(initiator_config, *fixture.bag, *engine, random);
    ASSERT_TRUE(made.has_value());
    initiator = std::move(*made);
    pump = std::make_unique<Pump>(port, *framing, PumpEnds{{initiator.get()}}, pump_config,
                                  pcap.get());
  }
  // One frame at the gateway.
  void serve(const Octets& frame) {
    std::string why;
    const auto packet = dp::read_packet(frame, &why);
    ASSERT_TRUE(packet.has_value()) << why;
    EXPECT_EQ(packet->source_mac, kOurs);
    if (packet->ether_type == 0x0806) return answer_arp(frame);
    if (packet->protocol == 58) return answer_solicitation(*packet);
    if (packet->destination_mac != mac) return;  // as a real one would
    ports.push_back(packet->destination_port);
    EXPECT_EQ(packet->marker, packet->destination_port == 4500);
    const bool connects =
        client_of(ike::IkeSpi(crypto::load_be64(packet->ike.data()))) >= initiator_config.clients;
    if (connects) sources.insert(packet->source);
    if (connects && handshakes == nullptr) return;
    const Octets answer = connects ? handshakes->answer(packet->ike) : gateway->answer(packet->ike);
    if (answer.empty()) return;
    dp::PacketBuilder b = dp::PacketBuilder();
    b.source_mac = packet->source_mac;
    b.destination_mac = mac;
    b.vlan = packet->vlan;
    b.is_ip6 = packet->is_ip6;
    std::copy(packet->source.begin(), packet->source.end(),
              b.is_ip6 ? b.source6.begin() : b.source4.begin());
    std::copy(packet->destination.begin(), packet->destination.end(),
              b.is_ip6 ? b.destination6.begin() : b.destination4.begin());
    b.source_port = packet->source_port;
    b.destination_port = packet->destination_port;
    dp::PacketBuilder back = b.reversed();
    if (change) change(back);
    Octets payload = answer;
    if (packet->marker) payload.insert(payload.begin(), 4, 0);
    port.inject(back.udp(payload));
  }
  void answer_arp(const Octets& frame) {
    ++asked;
    dp::PacketBuilder b;
    b.source_mac = mac;
    b.destination_mac = kOurs;
    Octets body(frame.begin() + 14, frame.begin() + 42);
    body[7] = 2;
    std::copy(body.begin() + 8, body.begin() + 18, body.begin() + 18);
    std::copy(mac.begin(), mac.end(), body.begin() + 8);
    std::copy(frame.begin() + 38, frame.begin() + 42, body.begin() + 14);
    port.inject(b.ether(0x0806, body));
  }
  void answer_solicitation(const dp::Packet& packet) {
    ++asked;
    EXPECT_EQ(packet.ttl, 255);
    Octets message(32, 0);
    message[0] = 136;
    message[4] = 0x60;
    std::copy(packet.l4.begin() + 8, packet.l4.begin() + 24, message.begin() + 8);
    message[24] = 2;
    message[25] = 1;
    std::copy(mac.begin(), mac.end(), message.begin() + 26);
    dp::PacketBuilder b;
    b.source_mac = mac;
    b.destination_mac = kOurs;
    b.is_ip6 = true;
    b.ttl = 255;
    std::copy(packet.l4.begin() + 8, packet.l4.begin() + 24, b.source6.begin());
    std::copy(packet.source.begin(), packet.source.end(), b.destination6.begin());
    port.inject(b.icmp6(message));
  }
  void run(std::uint64_t ms) {
    for (const std::uint64_t end = now + ms * kMs; now < end && !initiator->done(); now += kMs) {
      while (pump->turn(now) != 0) {
        for (const Octets& frame : port.take_sent()) serve(frame);
      }
      for (const Octets& frame : port.take_sent()) serve(frame);
    }
  }

  BagFixture fixture;
  InitiatorConfig initiator_config;
  PathConfig path_config;
  FramingConfig framing_config{.mac = kOurs, .gateway_mac = std::nullopt};
  PumpConfig pump_config;
  dp::Mac mac = kGateway;
  dp::FakePort port{4096};
  crypto::Random random{7};
  std::unique_ptr<crypto::Engine> engine;
  std::unique_ptr<ScalarResponder> gateway;
  std::unique_ptr<ClientPaths> paths;
  std::unique_ptr<Framing> framing;
  std::unique_ptr<Initiator> initiator;
  std::unique_ptr<PcapWriter> pcap;
  std::unique_ptr<Pump> pump;
  std::function<void(dp::PacketBuilder&)> change;
  std::vector<std::uint16_t> ports;
  std::unique_ptr<HandshakeResponder> handshakes;  // null: nobody answers who connects
  std::set<std::vector<std::uint8_t>> sources;     // of those who connect
  unsigned asked = 0;
  std::uint64_t now = 1'000 * kMs;
};

TEST(Pump, CarriesTwoCrowdsAndAFlood) {
  Wire w(50);
  w.make();
  w.handshakes = std::make_unique<HandshakeResponder>();
  const ike::Suite suite{
      .encr = ike::EncrId::aes_gcm_16, .key_bits = 256, .ke = ike::KeId::curve25519};
  w.handshakes->ike_suites = {suite};
  w.handshakes->child_suite = kGcm256;
  const auto identity = ClientIdentity::parse("c%u.example");
  ConnectorConfig config{{.clients = 40, .first_client = 50, .flights = 64}, {suite}, kGcm256};
  auto connector = Connector::make(config, *identity, octets_of(kTestPsk), *w.engine, w.random);
  ASSERT_TRUE(connector.has_value());
  w.paths = std::make_unique<ClientPaths>(*ClientPaths::make(w.path_config, 90));
  w.framing = std::make_unique<Framing>(w.framing_config, *w.paths);
  PathConfig flood_path = w.path_config;
  flood_path.source = *parse_prefix("100.64.0.0/10");
  const ClientPaths flood_paths = *ClientPaths::make(flood_path, 1000);
  auto flood =
      Flood::make({.rate = 10'000, .sources = 1000, .suite = suite}, flood_paths, w.random);
  ASSERT_TRUE(flood.has_value());
  const PumpEnds ends{.crowds = {w.initiator.get(), connector->get()}, .flood = &*flood};
  w.pump = std::make_unique<Pump>(w.port, *w.framing, ends, w.pump_config);
  for (int ms = 0; ms < 50; ++ms, w.now += kMs) {
    while (w.pump->turn(w.now) != 0)
      for (const Octets& frame : w.port.take_sent()) w.serve(frame);
    for (const Octets& frame : w.port.take_sent()) w.serve(frame);
  }
  EXPECT_EQ(w.initiator->totals().resumed(), 50u);
  EXPECT_EQ((*connector)->totals().up(), 40u);
  EXPECT_GT(w.pump->counters().flooded.get(), 400u);
  EXPECT_EQ(w.pump->counters().flooded.get(), flood->sent());
  EXPECT_GT(w.sources.size(), 400u);
  EXPECT_EQ(w.initiator->totals().late.get() + (*connector)->totals().late.get(), 0u);
}

TEST(Pump, ResumesOverIp4AndIp6AndBothPorts) {
  for (const bool is_ip6 : {false, true}) {
    for (const std::uint16_t first : {std::uint16_t{500}, std::uint16_t{4500}}) {
      for (const std::uint16_t vlan : {std::uint16_t{0}, std::uint16_t{7}}) {
        SCOPED_TRACE(testing::Message() << is_ip6 << " " << first << " " << vlan);
        PathConfig path = is_ip6 ? paths6() : paths4();
        path.gateway_port = path.later_gateway_port = first;
        Wire w(100, path);
        w.framing_config.vlan = vlan;
        if (vlan != 0) w.framing_config.gateway_mac = kGateway;
        w.make();
        w.run(2000);
        EXPECT_EQ(w.initiator->totals().resumed(), 100u);
        EXPECT_EQ(w.asked, vlan == 0 ? 1u : 0u);
        EXPECT_EQ(w.pump->counters().other.get(), 0u);
        EXPECT_EQ(w.port.held(), 0u);
      }
    }
  }
}

// One ESP packet of client 2 goes out; what comes back finds the client by its SPI alone.
// RFC 3948 §2.1, RFC 8200 §8.1: read_packet() knows where there must be a UDP checksum.
TEST(Pump, CarriesEspPlainAndInUdp) {
  for (const bool is_ip6 : {false, true})
    for (const bool in_udp : {false, true}) {
      SCOPED_TRACE(testing::Message() << is_ip6 << in_udp);
      PathConfig path = is_ip6 ? paths6() : paths4();
      path.later_gateway_port = in_udp ? 4500 : 500;
      Wire w(3, path);
      w.framing_config.gateway_mac = kGateway;
      w.pump_config.ask_again = false;
      w.make();
      const TunnelConfig config{
          .clients = 3, .suite = kGcm256, .target4 = ike::Ip4{192, 0, 2, 1}, .target6 = {}};
      const auto tunnels = *Tunnels::make(config, *w.engine, w.random);
      w.pump =
          std::make_unique<Pump>(w.port, *w.framing, PumpEnds{{}, {tunnels.get()}}, w.pump_config);
      const Octets keymat(ike::child_keymat_len(kGcm256), 5);
      Established session{.client = 2};
      session.child_spi_in = draw_child_spi(2, w.random);
      session.child_spi_out = ike::EspSpi(0x11223344);
      session.child_keys = ike::split_child_keymat(kGcm256, keymat);
      session.renewed.has_ip4 = true;
      tunnels->established(session);
      w.pump->turn(w.now);
      const auto sent = w.port.take_sent();
      ASSERT_EQ(sent.size(), 1u);
      std::string why;
      const auto packet = dp::read_packet(sent[0], &why);
      ASSERT_TRUE(packet.has_value()) << why;
      EXPECT_EQ(packet->protocol, in_udp ? 17 : 50);
      EXPECT_EQ(packet->destination_port, in_udp ? 4500 : 0);
      const Octets esp = in_udp ? packet->payload : packet->l4;
      EXPECT_EQ(crypto::load_be32(esp.data()), 0x11223344u);
      const Address address = w.paths->address(2);
      EXPECT_TRUE(std::ranges::equal(packet->source, address.bytes()));

      const auto answer = [&](std::uint32_t client, std::uint32_t spi) {
        dp::PacketBuilder b;
        b.source_mac = kGateway;
        b.destination_mac = kOurs;
        b.is_ip6 = is_ip6;
        const Address to = w.paths->address(client);
        std::copy_n(to.octets.begin(), to.len(),
                    is_ip6 ? b.destination6.begin() : b.destination4.begin());
        const Address from = w.paths->gateway();
        std::copy_n(from.octets.begin(), from.len(),
                    is_ip6 ? b.source6.begin() : b.source4.begin());
        b.source_port = 4500;
        b.destination_port = w.paths->port(client);
        Octets octets(80, 1);
        crypto::store_be32(octets.data(), spi);
        EXPECT_TRUE(w.port.inject(in_udp ? b.udp(octets) : b.ip(50, octets)));
        w.pump->turn(w.now);
      };
      answer(2, session.child_spi_in.value());
      EXPECT_EQ(tunnels->totals().wrong_icv.get(), 1u);  // it came, whatever it is
      answer(1, session.child_spi_in.value());
      EXPECT_EQ(w.pump->counters().misaddressed.get(), 1u);
      answer(1, draw_child_spi(1, w.random).value());  // not up
      answer(1, 0xffffff00);
      EXPECT_EQ(tunnels->totals().unknown_spi.get(), 2u);
      EXPECT_EQ(w.pump->counters().other.get(), 0u);
      EXPECT_EQ(w.port.held(), 0u);
    }
}

TEST(Pump, FloatsToPort4500AfterMessage1) {
  PathConfig path = paths4();
  path.later_gateway_port = 4500;
  Wire w(1, path);
  w.initiator_config.nat_detection = nullptr;
  w.make();
  w.run(2000);
  EXPECT_EQ(w.initiator->totals().resumed(), 1u);
  EXPECT_EQ(w.ports, (std::vector<std::uint16_t>{500, 4500}));
}

TEST(Pump, LearnsTheNewMacOfARestartedGateway) {
  Wire w(400);
  w.initiator_config.rate = 1000;
  w.make();
  w.run(100);
  const std::uint64_t before = w.initiator->totals().resumed();
  EXPECT_GT(before, 50u);
  // Killed: frames go nowhere. Back after half a second with another MAC.
  for (int ms = 0; ms < 500; ++ms, w.now += kMs) {
    while (w.pump->turn(w.now) != 0) static_cast<void>(w.port.take_sent());
    static_cast<void>(w.port.take_sent());
  }
  w.mac = {2, 0, 0, 0, 0, 0x77};
  w.run(10'000);
  EXPECT_EQ(w.initiator->totals().resumed(), 400u);
  EXPECT_GT(w.asked, 1u);
}

TEST(Pump, DropsWhatIsNotForTheClientOrDamaged) {
  Wire w(3);
  w.make();
  w.change = [](dp::PacketBuilder& b) {
    b.destination_port = static_cast<std::uint16_t>(b.destination_port + 1);
  };
  w.run(20);
  EXPECT_EQ(w.initiator->totals().resumed(), 0u);
  EXPECT_EQ(w.pump->counters().misaddressed.get(), 3u);
  w.change = nullptr;
  w.run(5000);
  EXPECT_EQ(w.initiator->totals().resumed(), 3u);

  // A UDP or IPv4 header checksum that is wrong.
  dp::PacketBuilder b;
  b.source4 = {192, 0, 2, 1};
  b.destination4 = {198, 19, 0, 1};
  b.source_mac = kGateway;
  b.destination_mac = kOurs;
  for (const std::size_t octet : {24u, 50u}) {
    Octets frame = b.ike(Octets(40, 1));
    frame[octet] ^= 1;
    ASSERT_TRUE(w.port.inject(frame));
    w.pump->turn(w.now);
  }
  EXPECT_EQ(w.pump->counters().wrong_checksum.get(), 2u);
  // Truncated and foreign frames of all lengths are nothing of ours.
  const Octets whole = b.ike(Octets(40, 1));
  for (std::size_t len = 0; len < whole.size(); ++len) {
    ASSERT_TRUE(w.port.inject(crypto::Bytes(whole).first(len)));
    w.pump->turn(w.now);
  }
  EXPECT_EQ(w.pump->counters().other.get() + w.pump->counters().wrong_checksum.get(),
            whole.size() + 2);
}

TEST(Pump, AnswersForItsClientsAndForNobodyElse) {
  Wire w(10);
  w.framing_config.gateway_mac = kGateway;
  w.make();
  w.run(2000);
  dp::PacketBuilder b;
  b.source_mac = kGateway;
  b.destination_mac = {0xff, 0xff, 0xff, 0xff, 0xff, 0xff};
  b.source4 = {192, 0, 2, 1};
  ASSERT_TRUE(w.port.inject(b.arp(1, {198, 19, 0, 5})));
  w.pump->turn(w.now);
  const auto sent = w.port.take_sent();
  ASSERT_EQ(sent.size(), 1u);
  EXPECT_TRUE(std::equal(kGateway.begin(), kGateway.end(), sent[0].begin()));
  EXPECT_EQ(sent[0][21], 2);  // a reply
  EXPECT_TRUE(std::equal(kOurs.begin(), kOurs.end(), sent[0].begin() + 22));
  EXPECT_EQ(sent[0][31], 5);
  ASSERT_TRUE(w.port.inject(b.arp(1, {198, 19, 0, 14})));
  w.pump->turn(w.now);
  EXPECT_TRUE(w.port.take_sent().empty());
}

TEST(Pump, AnswersNeighbourSolicitations) {
  Wire w(10, paths6());
  w.framing_config.gateway_mac = kGateway;
  w.make();
  w.run(2000);
  dp::PacketBuilder b;
  b.is_ip6 = true;
  b.ttl = 255;
  b.source_mac = kGateway;
  const ike::Ip6 target = w.paths->address(4).octets;
  ASSERT_TRUE(w.port.inject(b.neighbour_solicitation(target)));
  w.pump->turn(w.now);
  const auto sent = w.port.take_sent();
  ASSERT_EQ(sent.size(), 1u);
  std::string why;
  const auto packet = dp::read_packet(sent[0], &why);
  ASSERT_TRUE(packet.has_value()) << why;
  EXPECT_EQ(packet->l4[0], 136);
  EXPECT_TRUE(std::equal(target.begin(), target.end(), packet->l4.begin() + 8));
  EXPECT_TRUE(std::equal(kOurs.begin(), kOurs.end(), packet->l4.begin() + 26));
}

TEST(Pump, ResumesThroughABadNetwork) {
  Wire w(150);
  w.pump_config.there = w.pump_config.back = {
      .loss = 0.1, .duplicate = 0.1, .reorder = 0.2, .reorder_ns_max = 30 * kMs};
  w.initiator_config.retry = {.first_ns = 100 * kMs, .factor = 1.3, .tries = 15};
  w.make();
  w.run(60'000);
  EXPECT_EQ(w.initiator->totals().resumed(), 150u);
  EXPECT_GT(w.pump->counters().lost.get(), 20u);
  EXPECT_GT(w.pump->counters().duplicated.get(), 20u);
  EXPECT_GT(w.pump->counters().reordered.get(), 50u);
}

TEST(Pump, SurvivesAFullRingAndAnEmptyPool) {
  Wire w(50);
  w.framing_config.gateway_mac = kGateway;
  w.initiator_config.retry.tries = 10;
  w.make();
  w.port.set_transmit_room(10);
  w.run(50);
  EXPECT_GT(w.pump->counters().ring_full.get(), 0u);
  w.port.set_transmit_room(dp::FakePort::kUnlimited);
  w.run(20'000);
  EXPECT_EQ(w.initiator->totals().resumed(), 50u);
  EXPECT_EQ(w.port.held(), 0u);
}

TEST(Pump, RecordsEveryFrameAsPcap) {
  const std::string path = testing::TempDir() + "storm-" + std::to_string(getpid()) + ".pcap";
  Wire w(5);
  w.pump_config.unix_ns_at_0 = 1'700'000'000'000'000'000;
  auto pcap = PcapWriter::create(path);
  ASSERT_TRUE(pcap.has_value());
  w.pcap = std::make_unique<PcapWriter>(std::move(*pcap));
  w.make();
  w.run(100);
  ASSERT_TRUE(w.pcap->close().has_value());
  std::ifstream in(path, std::ios::binary);
  const std::string file((std::istreambuf_iterator<char>(in)), {});
  unlink(path.c_str());
  const auto word = [&](std::size_t at) {
    std::uint32_t v = 0;
    std::memcpy(&v, file.data() + at, sizeof v);
    return v;
  };
  EXPECT_EQ(word(0), 0xa1b23c4du);
  EXPECT_EQ(word(20), 1u);
  unsigned frames = 0;
  std::size_t at = 24;
  for (; at + 16 <= file.size(); at += 16 + word(at + 8)) {
    EXPECT_EQ(word(at), 1'700'000'001u);
    EXPECT_EQ(word(at + 8), word(at + 12));
    ++frames;
  }
  EXPECT_EQ(at, file.size());
  EXPECT_EQ(frames, 5u * 4u + 2u);  // four messages for each client, question and answer
  EXPECT_EQ(frames, w.pcap->frames());
}

}  // namespace
}  // namespace storm
