// Child SAs by the thousand on a rig's worker, and packets for them, made outside of the timed
// part: ESP of their peers, or what hosts of the private network send to them.
#pragma once

#include <algorithm>
#include <array>
#include <numeric>
#include <random>
#include <span>
#include <vector>

#include "crypto/base/error.h"
#include "dataplane/eal.h"
#include "dataplane/esp_spi.h"
#include "tests/support/gateway_rig.h"

namespace bench {

inline constexpr std::size_t kRound = 1024;  // packets that wait in the port: a receive ring

// Lengths of inner packets by turns: one size, or 7 small, 4 middle and 1 large.
inline std::vector<std::size_t> sizes_of(std::size_t size) {
  constexpr std::size_t kSmall = 64, kMiddle = 576, kLarge = 1420;
  if (size != 0) return {size};
  return {kSmall, kMiddle, kSmall, kMiddle, kSmall, kLarge,
          kSmall, kMiddle, kSmall, kMiddle, kSmall, kSmall};
}

// The SAs of a round's packets: every SA once before one comes again, in no order that a prefetcher
// or a cache knows.
class SaOrder {
 public:
  explicit SaOrder(std::uint32_t sas) : order_(sas) {
    std::iota(order_.begin(), order_.end(), 0u);
    std::shuffle(order_.begin(), order_.end(), std::minstd_rand(sas));
  }
  std::uint32_t next() {
    if (at_ == order_.size()) at_ = 0;
    return order_[at_++];
  }

 private:
  std::vector<std::uint32_t> order_;
  std::size_t at_ = 0;
};

class EspLoad {
 public:
  // The way of the packets: from a client to the private network, from there to a client, or from
  // client to client, which costs opening and sealing.
  enum class Way : std::uint8_t { in, out, relay };

  EspLoad(std::uint32_t sas, const ike::Suite& suite, Way way)
      : gateway_({.sessions_max = 1024,
                  .port_buffers = kRound,
                  .inside = way == Way::out,
                  .configure = [sas](dp::WorkerConfig& c) { c.children_max = sas; },
                  .cycles = &dp::tsc}),
        engine_(crypto::make_mb_engine()),
        suite_(suite),
        way_(way),
        spis_(gateway_.shared().config),
        order_(sas),
        clients_(sas) {
    for (std::uint32_t i = 0; i < sas; ++i) install(i);
    serve_orders();
    CHECK(gateway_.sum(&dp::WorkerCounters::children_refused) == 0);
  }

  // A round of packets into the port.
  void fill(std::span<const std::size_t> sizes) {
    std::array<std::uint8_t, 2048> frame;
    for (std::size_t i = 0; i < kRound; ++i) {
      const std::size_t inner_len = sizes[i % sizes.size()];
      if (way_ == Way::out) {
        const std::size_t len = write_plain(order_.next(), inner_len, frame);
        CHECK(gateway_.inside().inject({frame.data(), len}, {.ip_good = true, .l4_good = true}));
        continue;
      }
      const std::size_t len = write(order_.next(), inner_len, frame);
      CHECK(gateway_.port().inject({frame.data(), len}, {.ip_good = true, .l4_good = true}));
    }
  }
  // Runs the worker until the port is empty; ns for each packet by its own cycle counter.
  double run() {
    const dp::WorkerCounters& counters = gateway_.worker().counters();
    const std::uint64_t busy = counters.busy_cycles.get();
    const std::uint64_t in = counters.esp_in.get(), out = counters.esp_out.get();
    while (gateway_.worker().run_once(gateway_.now) != 0) {
    }
    CHECK(counters.esp_in.get() - in == (way_ == Way::out ? 0 : kRound));
    CHECK(counters.esp_out.get() - out == (way_ == Way::in ? 0 : kRound));
    std::size_t sent = 0;
    gateway_.port().drain_sent([&sent](crypto::Bytes) { ++sent; });
    CHECK(sent == (way_ == Way::in ? 0 : kRound));
    return static_cast<double>(counters.busy_cycles.get() - busy) / kRound * 1e9 /
           static_cast<double>(dp::tsc_hz());
  }
  const dp::WorkerCounters& counters() { return gateway_.worker().counters(); }

 private:
  static constexpr std::uint32_t kHost = 0x0a000a0a;  // 10.0.10.10
  struct Client {
    std::array<std::uint8_t, 32> key;  // of what it sends
    std::array<std::uint8_t, 4> salt;
    std::uint32_t spi = 0;
    std::uint64_t sent = 0;
  };

  dp::PeerPath path_of(std::uint32_t i) const {
    dp::PeerPath path{.peer_mac = {0x02, 0, 0, 0, 0, 0x0c},
                      .non_esp_marker = true,
                      .local_port = 4500,
                      .peer_port = 4500};
    std::ranges::copy(config_.outside.ip4[0], path.local.begin());
    crypto::store_be32(path.peer.data(), 0xc6120000 + i);  // 198.18.0.0
    return path;
  }
  std::uint32_t leased(std::uint32_t i) const {
    return crypto::load_be32(config_.child.pool4.base.data()) + i;
  }

  void install(std::uint32_t i) {
    dp::SpscRing<dp::Order>& orders = gateway_.shared().seams[0]->orders;
    if (orders.size() == dp::kOrderRingLen) serve_orders();
    dp::Order* letter = orders.claim();
    CHECK(letter != nullptr);
    letter->kind = dp::OrderKind::install_child;
    letter->path = path_of(i);
    letter->message_len = 0;
    dp::ChildInstall& child = letter->child;
    child = {.spi_in = spis_.encode(0, config_.sessions_max + i, static_cast<std::uint8_t>(i)),
             .spi_out = ike::EspSpi(0x1000 + i),
             .suite = suite_,
             .ip4_lease = i,
             .ts_local = config_.child.local_ts};
    ike::Ip4 address;
    crypto::store_be32(address.data(), leased(i));
    child.ts_remote.count = 1;
    child.ts_remote.items[0] = ike::selector_of(ike::TsType::ipv4_addr_range, address, 32);
    random_.fill(child.keymat);
    Client& client = clients_[i];
    const std::size_t key_len = crypto::aead_key_len(ike::aead_of(suite_));
    std::copy_n(child.keymat.begin(), key_len, client.key.begin());
    std::copy_n(child.keymat.begin() + key_len, 4, client.salt.begin());
    client.spi = child.spi_in.value();
    orders.publish();
  }
  void serve_orders() {
    while (gateway_.shared().seams[0]->orders.size() != 0) gateway_.worker().run_once(gateway_.now);
  }

  // An outer frame with UDP encapsulation round `inner_len` octets of IPv4 and UDP.
  std::size_t write(std::uint32_t i, std::size_t inner_len, std::span<std::uint8_t, 2048> frame) {
    constexpr std::size_t kUdp = 14 + 20, kEsp = kUdp + 8, kText = kEsp + 16;
    Client& client = clients_[i];
    const dp::PeerPath path = path_of(i);
    const std::uint64_t number = ++client.sent;
    const std::size_t pad = (4 - (inner_len + 2) % 4) % 4;
    const std::size_t text_len = inner_len + pad + 2;
    std::uint8_t* text = &frame[kText];
    const std::uint32_t to = way_ == Way::relay ? leased(order_peer(i)) : kHost;
    write_ip4(text, inner_len, 17, leased(i), to);
    std::fill(text + 20, text + inner_len, std::uint8_t{0x5a});
    for (std::size_t p = 0; p < pad; ++p) text[inner_len + p] = static_cast<std::uint8_t>(p + 1);
    text[inner_len + pad] = static_cast<std::uint8_t>(pad);
    text[inner_len + pad + 1] = 4;

    std::uint8_t* esp = &frame[kEsp];
    crypto::store_be32(esp, client.spi);
    crypto::store_be32(esp + 4, static_cast<std::uint32_t>(number));
    crypto::store_be64(esp + 8, number);
    std::array<std::uint8_t, 12> nonce, aad;
    std::ranges::copy(client.salt, nonce.begin());
    crypto::store_be64(nonce.data() + 4, number);
    crypto::store_be32(aad.data(), client.spi);
    crypto::store_be64(aad.data() + 4, number);
    crypto::AeadLane lane{.raw_key = client.key.data(),
                          .nonce = nonce.data(),
                          .aad = aad,
                          .in = text,
                          .len = static_cast<std::uint32_t>(text_len),
                          .out = text,
                          .tag = text + text_len};
    engine_->seal(ike::aead_of(suite_), {&lane, 1});

    const std::size_t udp_len = 8 + 16 + text_len + 16;
    std::uint8_t* udp = &frame[kUdp];
    crypto::store_be16(udp, path.peer_port);
    crypto::store_be16(udp + 2, path.local_port);
    crypto::store_be16(udp + 4, static_cast<std::uint16_t>(udp_len));
    crypto::store_be16(udp + 6, 0);
    write_ip4(&frame[14], 20 + udp_len, 17, crypto::load_be32(path.peer.data()),
              crypto::load_be32(path.local.data()));
    constexpr std::array<std::uint8_t, 14> kEther = {0x02, 0, 0, 0, 0,    0x01, 0x02,
                                                     0,    0, 0, 0, 0x0c, 8,    0};
    std::ranges::copy(kEther, frame.begin());
    return kUdp + udp_len;
  }
  // What a host of the private network sends to client i.
  std::size_t write_plain(std::uint32_t i, std::size_t inner_len,
                          std::span<std::uint8_t, 2048> frame) const {
    constexpr std::array<std::uint8_t, 14> kEther = {0x02, 0, 0, 0, 0,    0x02, 0x02,
                                                     0,    0, 0, 0, 0x99, 8,    0};
    std::ranges::copy(kEther, frame.begin());
    write_ip4(&frame[14], inner_len, 17, kHost, leased(i));
    std::fill(&frame[14 + 20], &frame[14 + inner_len], std::uint8_t{0x5a});
    return 14 + inner_len;
  }
  // Whom client i sends to: another SA in the same order of visits.
  std::uint32_t order_peer(std::uint32_t i) const {
    return static_cast<std::uint32_t>((i + clients_.size() / 2) % clients_.size());
  }
  static void write_ip4(std::uint8_t* p, std::size_t len, std::uint8_t protocol,
                        std::uint32_t source, std::uint32_t destination) {
    std::fill(p, p + 20, std::uint8_t{0});
    p[0] = 0x45;
    crypto::store_be16(p + 2, static_cast<std::uint16_t>(len));
    p[8] = 64;
    p[9] = protocol;
    crypto::store_be32(p + 12, source);
    crypto::store_be32(p + 16, destination);
    crypto::store_be16(p + 10, dp::plain_checksum({p, 20}));
  }

  rig::GatewayRig gateway_;
  const dp::WorkerConfig& config_ = gateway_.shared().config;
  std::unique_ptr<crypto::Engine> engine_;
  crypto::Random random_{0xe5b};
  ike::Suite suite_;
  Way way_;
  dp::EspSpiCodec spis_;
  SaOrder order_;
  std::vector<Client> clients_;
};

}  // namespace bench
