// The DPDK port on vdevs, without hugepages: receive, transmit, hand-over, spreading, and no buffer
// lost.
#include "dataplane/port.h"

#include <gtest/gtest.h>
#include <sched.h>
#include <unistd.h>

#include <array>
#include <atomic>
#include <cstring>

#include "dataplane/classify.h"
#include "dataplane/eal.h"
#include "tests/support/packet_builder.h"

namespace dp {
namespace {

using Octets = std::vector<std::uint8_t>;

std::string socket_path() { return "/tmp/resurge_port_test." + std::to_string(getpid()); }

// The first core that this process may use: a container may not have core 0.
int first_core() {
  cpu_set_t set;
  CPU_ZERO(&set);
  if (sched_getaffinity(0, sizeof set, &set) != 0) return 0;
  for (int core = 0; core < CPU_SETSIZE; ++core)
    if (CPU_ISSET(core, &set)) return core;
  return 0;
}

std::unique_ptr<Eal>& eal() {
  static std::unique_ptr<Eal> instance;
  return instance;
}

class WithEal : public testing::Environment {
 public:
  void SetUp() override {
    const std::string core = std::to_string(first_core());
    auto started = Eal::start(
        {.args = {"--no-huge", "-m", "128", "--no-pci", "--no-shconf", "--no-telemetry",
                  "--log-level=error", "--lcores=0@" + core + ",1@" + core, "--vdev=net_ring0",
                  "--vdev=net_ring1", "--vdev=net_ring2", "--vdev=net_ring3", "--vdev=net_null0"}});
    ASSERT_TRUE(started) << started.error().text;
    eal() = std::move(*started);
  }
  void TearDown() override {
    eal().reset();
    unlink(socket_path().c_str());
  }
};

LinkConfig config_of(const std::string& device) {
  const PacketBuilder b;
  return {.device = device,
          .ip4 = {b.destination4},
          .ip6 = {b.destination6},
          .rx_descriptors = 256,
          .tx_descriptors = 256};
}

std::unique_ptr<Port> start(const std::string& device, unsigned workers) {
  auto port = Port::start(config_of(device), workers);
  EXPECT_TRUE(port) << port.error().text;
  return port ? std::move(*port) : nullptr;
}

Octets octets_of(const Frame& f) { return {f.data, f.data + f.len}; }

// Allocates a frame of `port` with these octets.
Frame make_frame(PacketPort& port, const Octets& octets) {
  Frame frame;
  EXPECT_EQ(port.allocate({&frame, 1}), 1u);
  std::memcpy(frame.data, octets.data(), octets.size());
  frame.len = static_cast<std::uint32_t>(octets.size());
  return frame;
}

std::uint64_t buffers_free(const Port& port) { return port.stats().buffers_free; }

TEST(Eal, KnowsItsCores) {
  EXPECT_EQ(eal()->worker_lcore_count(), 1u);
  std::atomic<int> ran = 0;
  auto entry = [](void* p) { ++*static_cast<std::atomic<int>*>(p); };
  EXPECT_TRUE(eal()->launch(0, entry, &ran));
  eal()->wait();
  EXPECT_EQ(ran, 1);
  EXPECT_TRUE(eal()->launch(0, entry, &ran));
  eal()->wait();
  EXPECT_EQ(ran, 2);
  const auto refused = eal()->launch(1, entry, &ran);
  ASSERT_FALSE(refused);
  EXPECT_NE(refused.error().text.find("--lcores"), std::string::npos);
}

TEST(Eal, SaysThatItStartsOnce) {
  const auto again = Eal::start({.args = {"--no-huge"}});
  ASSERT_FALSE(again);
  EXPECT_NE(again.error().text.find("works once"), std::string::npos) << again.error().text;
}

TEST(TscClock, CountsMillisecondsAndReadsWallTime) {
  TscClock clock(1'000'000);  // 1000 cycles in a millisecond
  const Now a = clock.at(5'000'500);
  EXPECT_EQ(a.ms, 5000u);
  EXPECT_EQ(clock.at(5'001'500).ms, 5001u);
  EXPECT_LE(static_cast<std::uint64_t>(time(nullptr)) - a.unix_s, 1u);
  EXPECT_GT(tsc_hz(), 100'000'000u);
}

TEST(Port, NamesTheDevicesThatThereAre) {
  const auto port = Port::start(config_of("net_ring9"), 1);
  ASSERT_FALSE(port);
  EXPECT_NE(port.error().text.find("no device \"net_ring9\""), std::string::npos);
  EXPECT_NE(port.error().text.find("net_ring0"), std::string::npos) << port.error().text;
}

TEST(Port, MakesADeviceAgainAfterItWasClosed) {
  for (int round = 0; round < 2; ++round) EXPECT_TRUE(start("net_null7,size=60", 1));
  const auto port = Port::start(config_of("net_nothing0,size=60"), 1);
  ASSERT_FALSE(port);
  EXPECT_NE(port.error().text.find("cannot make device"), std::string::npos) << port.error().text;
}

TEST(Port, RefusesAnMtuThatTheDeviceLacks) {
  LinkConfig config = config_of("net_ring0");
  config.mtu = 20;
  const auto port = Port::start(config, 1);
  ASSERT_FALSE(port);
  EXPECT_NE(port.error().text.find("mtu 20"), std::string::npos) << port.error().text;
}

TEST(Port, HasFewLongFrames) {
  auto port = start("net_null3,copy=0", 1);
  ASSERT_NE(port, nullptr);
  PacketPort& worker = port->worker(0);
  std::vector<Frame> taken;
  std::array<Frame, kBurstMax> frames;
  while (const unsigned got = worker.allocate_long(frames))
    taken.insert(taken.end(), frames.begin(), frames.begin() + got);
  EXPECT_GE(taken.size(), 100u);
  EXPECT_LT(taken.size(), 1000u);
  for (const Frame& frame : taken) {
    EXPECT_GE(frame.capacity, kLongFrameLen);
    EXPECT_GE(frame.headroom, 100u);
  }
  worker.release(taken);
  EXPECT_EQ(worker.allocate_long(frames), kBurstMax);
  worker.release(frames);
}

// Frames of one port leave by another, whose queue holds them still.
TEST(Port, ClosesBesideAnother) {
  auto one = start("net_null3,copy=0", 1), other = start("net_null4,copy=0", 1);
  ASSERT_TRUE(one && other);
  const std::uint64_t before = buffers_free(*one);
  for (int i = 0; i < 100; ++i) {
    const Frame frame = make_frame(one->worker(0), Octets(60));
    EXPECT_EQ(other->worker(0).transmit({&frame, 1}), 1u);
  }
  one->close();
  other->close();
  EXPECT_EQ(buffers_free(*one), before);
  one->close();  // again, and once more when it goes
}

TEST(Port, LoopsFramesThroughEachQueue) {
  const auto port = start("net_ring0", 2);
  ASSERT_TRUE(port);
  EXPECT_EQ(port->rx_queue_count(), 2u);
  EXPECT_EQ(port->tx_queue_count(), 2u);
  EXPECT_FALSE(port->worker(0).spreads_in_software());
  EXPECT_TRUE(port->wait_link_up(1000));
  const std::uint64_t all = buffers_free(*port);
  EXPECT_EQ(all, port->stats().buffers_total);

  const PacketBuilder b;
  for (unsigned w = 0; w < 2; ++w) {
    PacketPort& own = port->worker(w);
    Octets sent = b.udp(Octets(100 + w, 0x5a));
    const Frame out = make_frame(own, sent);
    EXPECT_EQ(buffers_free(*port), all - 1);
    EXPECT_EQ(own.transmit({&out, 1}), 1u);
    std::array<Frame, kBurstMax> in;
    EXPECT_EQ(port->worker(1 - w).receive(in), 0u);
    ASSERT_EQ(own.receive(in), 1u);
    EXPECT_EQ(octets_of(in[0]), sent);
    EXPECT_GE(in[0].capacity, 2048u);
    own.release({in.data(), 1});
    EXPECT_EQ(buffers_free(*port), all);
  }
  const PortStats stats = port->stats();
  EXPECT_EQ(stats.rx_packets, 2u);
  EXPECT_EQ(stats.tx_packets, 2u);
}

TEST(Port, SendsFramesWhoseStartMoved) {
  const auto port = start("net_ring1", 1);
  ASSERT_TRUE(port);
  const std::uint64_t all = buffers_free(*port);
  PacketPort& own = port->worker(0);
  PacketBuilder b;
  b.ip4_options = {7, 7, 4, 0, 0, 0, 0, 0};
  Octets message(64);
  ike::Header header{.spi_i = ike::IkeSpi(5), .exchange = ike::Exchange::ike_sa_init, .length = 64};
  ike::write_header(header, message.data());
  Frame frame = make_frame(own, b.ike(message));
  ASSERT_EQ(own.transmit({&frame, 1}), 1u);

  Burst burst;
  Link link = port->link();
  link.mac = b.destination_mac;  // net_ring has no MAC of its own
  burst.count = own.receive(burst.frame);
  ASSERT_EQ(burst.count, 1u);
  ASSERT_EQ(classify(burst, link).initiations.size(), 1u) << drop_name(burst.reason[0]);
  ASSERT_TRUE(turn_into_reply(burst, 0, 64, link, own.can_offload_checksums()));
  ASSERT_EQ(own.transmit({burst.frame.data(), 1}), 1u);
  ASSERT_EQ(own.receive(burst.frame), 1u);
  std::string why;
  const auto reply = read_packet(octets_of(burst.frame[0]), &why);
  ASSERT_TRUE(reply) << why;
  EXPECT_EQ(reply->ike, message);
  own.release({burst.frame.data(), 1});
  EXPECT_EQ(buffers_free(*port), all);
}

TEST(Port, CountsAndFreesWhatTheDeviceDoesNotTake) {
  const auto port = start("net_ring2", 1);
  ASSERT_TRUE(port);
  const std::uint64_t all = buffers_free(*port);
  PacketPort& own = port->worker(0);
  std::array<Frame, kBurstMax> frames;
  unsigned sent = 0, taken = 0;
  // net_ring's rings hold 1023 frames.
  while (sent < 1024 + 64) {
    const unsigned count = own.allocate(frames);
    if (count == 0) break;
    for (Frame& f : frames) f.len = 60;
    taken += own.transmit({frames.data(), count});
    sent += count;
  }
  EXPECT_EQ(taken, 1023u);
  EXPECT_EQ(port->stats().tx_full, sent - taken);
  unsigned back = 0;
  while (const unsigned count = own.receive(frames)) {
    back += count;
    if (back == 512) {
      EXPECT_GT(own.backlog_permille(), 900u);
    }
    own.release({frames.data(), count});
  }
  EXPECT_EQ(back, taken);
  EXPECT_EQ(own.backlog_permille(), 0u);
  EXPECT_EQ(buffers_free(*port), all);
}

// A few peers that wait for their answers keep bursts full without a backlog worth shedding for.
TEST(Port, CountsTheBacklogOfADeviceThatCannot) {
  const auto port = start("net_ring3", 1);
  ASSERT_TRUE(port);
  const std::uint64_t all = buffers_free(*port);
  PacketPort& own = port->worker(0);
  std::array<Frame, kBurstMax> frames;
  auto send = [&](std::uint8_t mark) {
    ASSERT_EQ(own.allocate(frames), kBurstMax);
    for (Frame& f : frames) f.len = 60;
    for (Frame& f : frames) f.data[0] = mark;
    ASSERT_EQ(own.transmit(frames), kBurstMax);
  };
  send(0);
  for (std::uint8_t round = 1; round < 100; ++round) {
    send(round);
    ASSERT_EQ(own.receive(frames), kBurstMax);
    ASSERT_EQ(frames[0].data[0], round - 1);
    ASSERT_EQ(frames[31].data[0], round - 1);
    EXPECT_EQ(own.backlog_permille(), 32u * 1000 / 256);
    own.release(frames);
  }
  ASSERT_EQ(own.receive(frames), kBurstMax);
  own.release(frames);
  EXPECT_EQ(buffers_free(*port), all);
  EXPECT_EQ(own.receive(frames), 0u);
  EXPECT_EQ(own.backlog_permille(), 0u);
}

TEST(Port, HandsFramesOverAndRefusesWhenFull) {
  const auto port = start("net_null0", 2);
  ASSERT_TRUE(port);
  const std::uint64_t all = buffers_free(*port);
  PacketPort& from = port->worker(0);
  PacketPort& to = port->worker(1);
  const Octets octets(80, 0x11);
  const Frame first = make_frame(from, octets);
  ASSERT_TRUE(from.hand_over(1, first));
  std::array<Frame, kBurstMax> in;
  // net_null invents frames; those handed over come first.
  const unsigned got = to.receive(in);
  ASSERT_GE(got, 1u);
  EXPECT_EQ(octets_of(in[0]), octets);
  to.release({in.data(), got});

  unsigned accepted = 0;
  Frame frame = make_frame(from, octets);
  while (from.hand_over(1, frame)) {
    ++accepted;
    frame = make_frame(from, octets);
  }
  from.release({&frame, 1});
  EXPECT_EQ(accepted, 1023u);
  EXPECT_EQ(port->stats().hand_over_full, 1u);
  EXPECT_EQ(to.backlog_permille(), 1000u);
  for (unsigned handed = 0; handed < accepted;) {
    const unsigned count = to.receive(in);
    for (unsigned i = 0; i < count; ++i) handed += in[i].len == 80;
    to.release({in.data(), count});
  }
  EXPECT_EQ(buffers_free(*port), all);
}

// One queue pair and two workers: worker 1 receives by hand-over only and sends through worker 0.
TEST(Port, ServesMoreWorkersThanQueuesOverVhost) {
  const auto server = start("net_vhost0,iface=" + socket_path() + ",queues=1", 2);
  const auto client = start("net_virtio_user0,path=" + socket_path() + ",queues=1", 1);
  ASSERT_TRUE(client && server);
  EXPECT_EQ(server->rx_queue_count(), 1u);
  EXPECT_TRUE(server->worker(0).spreads_in_software());
  EXPECT_FALSE(server->worker(1).spreads_in_software());
  const auto up = client->wait_link_up(10000);
  ASSERT_TRUE(up) << up.error().text;
  ASSERT_TRUE(server->wait_link_up(10000));
  PacketPort& sender = client->worker(0);
  const std::uint64_t server_free = buffers_free(*server);
  const PacketBuilder b;
  const Octets request = b.udp(Octets(300, 0x77));

  std::array<Frame, kBurstMax> in;
  unsigned got = 0;
  for (int tries = 0; tries < 2000 && got == 0; ++tries) {
    const Frame out = make_frame(sender, request);
    sender.transmit({&out, 1});
    got = server->worker(0).receive(in);
    if (got == 0) usleep(1000);
  }
  ASSERT_GE(got, 1u);
  EXPECT_EQ(octets_of(in[0]), request);
  server->worker(0).release({in.data() + 1, got - 1});
  ASSERT_TRUE(server->worker(0).hand_over(1, in[0]));
  ASSERT_EQ(server->worker(1).receive(in), 1u);
  ASSERT_EQ(server->worker(1).transmit({in.data(), 1}), 1u);

  std::array<Frame, kBurstMax> back;
  unsigned returned = 0;
  for (int tries = 0; tries < 2000 && returned == 0; ++tries) {
    const unsigned more = server->worker(0).receive(in);  // sends for worker 1
    server->worker(0).release({in.data(), more});
    returned = sender.receive(back);
    if (returned == 0) usleep(1000);
  }
  ASSERT_EQ(returned, 1u);
  EXPECT_EQ(octets_of(back[0]), request);
  sender.release({back.data(), 1});
  for (unsigned more; (more = server->worker(0).receive(in)) != 0;)
    server->worker(0).release({in.data(), more});
  EXPECT_EQ(buffers_free(*server), server_free);
  EXPECT_FALSE(server->extended_stats().empty());
}

}  // namespace
}  // namespace dp

int main(int argc, char** argv) {
  testing::InitGoogleTest(&argc, argv);
  testing::AddGlobalTestEnvironment(new dp::WithEal);
  return RUN_ALL_TESTS();
}
