// Clients' tunnels: who is up, and what comes back.
#include "tools/storm/tunnels.h"

#include <fmt/format.h>

#include <algorithm>
#include <cstring>

#include "crypto/base/error.h"
#include "tools/storm/child_offer.h"
#include "tools/storm/tunnels_batch.h"

namespace storm {
namespace {

using crypto::Bytes;

constexpr std::size_t kTrafficLenMax = 1400;  // fits the smallest MTU that IPv6 allows, and more

// RFC 4303 §3.4.3. True when the number is new; it is noted.
bool note_number(std::uint64_t& seen, std::uint32_t& top, std::uint32_t number) {
  if (number == 0) return false;
  if (number > top) {
    const std::uint32_t ahead = number - top;
    seen = ahead >= kReplayWindow ? 0 : seen << ahead;
    seen |= 1;
    top = number;
    return true;
  }
  const std::uint32_t behind = top - number;
  if (behind >= kReplayWindow || (seen >> behind & 1) != 0) return false;
  seen |= std::uint64_t{1} << behind;
  return true;
}

}  // namespace

crypto::Result<std::unique_ptr<Tunnels>> Tunnels::make(const TunnelConfig& config,
                                                       crypto::Engine& engine,
                                                       crypto::Random& random, SessionSink* next) {
  if (config.traffic_len < echo_len_min(true) || config.traffic_len > kTrafficLenMax)
    return crypto::fail(fmt::format("packets of {} octets: from {} to {} can be sent",
                                    config.traffic_len, echo_len_min(true), kTrafficLenMax));
  std::unique_ptr<Tunnels> tunnels(new Tunnels(config, engine, random, next));
  if (const crypto::Status s = tunnels->allocate(); !s) return std::unexpected(s.error());
  return tunnels;
}

Tunnels::Tunnels(const TunnelConfig& config, crypto::Engine& engine, crypto::Random& random,
                 SessionSink* next)
    : config_(config),
      crypto_(engine, random, config.suite),
      random_(random),
      next_(next),
      batch_(std::make_unique<Batch>()),
      timers_(config.clients),
      fresh_(config.clients),
      latency_(std::make_unique<Histogram>()),
      round_trip_(std::make_unique<Histogram>()),
      traffic_latency_(kTrafficTimes) {}

Tunnels::~Tunnels() = default;

crypto::Status Tunnels::allocate() {
  constexpr std::size_t kLine = 64;
  const std::size_t len = sizeof(Tunnel) + ike::child_keymat_len(config_.suite);
  stride_ = (len + kLine - 1) / kLine * kLine;
  auto arena = dp::Arena::map(std::max<std::size_t>(config_.clients, 1) * stride_, "tunnels");
  if (!arena) return std::unexpected(arena.error());
  arena_ = std::move(*arena);
  return {};
}

Tunnels::Tunnel& Tunnels::tunnel(std::uint32_t client) {
  return *static_cast<Tunnel*>(static_cast<void*>(static_cast<std::uint8_t*>(arena_.data()) +
                                                  std::size_t{client} * stride_));
}

crypto::MutBytes Tunnels::keymat(std::uint32_t client) {
  return {static_cast<std::uint8_t*>(static_cast<void*>(&tunnel(client))) + sizeof(Tunnel),
          ike::child_keymat_len(config_.suite)};
}

ike::ChildKeys Tunnels::keys(std::uint32_t client) {
  return ike::split_child_keymat(config_.suite, keymat(client));
}

bool Tunnels::choose_ends(Tunnel& t, const Credential& leases) const {
  t.ends = {};
  if (leases.has_ip4 && config_.target4) {
    std::ranges::copy(leases.ip4, t.ends.client.begin());
    std::ranges::copy(*config_.target4, t.ends.target.begin());
    return true;
  }
  t.ends.is_ip6 = true;
  if (!leases.has_ip6 || !config_.target6) return false;
  t.ends.client = leases.ip6;
  t.ends.target = *config_.target6;
  return true;
}

void Tunnels::established(const Established& session) {
  if (next_ != nullptr) next_->established(session);
  const std::uint32_t client = session.client;
  Tunnel& t = tunnel(client);
  t = {};
  t.scheduled_ns = session.scheduled_ns;
  t.interval_ns = config_.retry.first_ns;
  t.spi_in = session.child_spi_in.value();
  t.spi_out = session.child_spi_out.value();
  std::uint8_t* to = keymat(client).data();
  for (const Bytes part : {session.child_keys.encr_i, session.child_keys.integ_i,
                           session.child_keys.encr_r, session.child_keys.integ_r})
    to = std::ranges::copy(part, to).out;
  if (!choose_ends(t, session.renewed)) {
    t.state = TunnelState::given_up;
    totals_.no_address.add();
    return totals_.given_up.add();
  }
  t.state = TunnelState::waiting;
  totals_.waiting.set(totals_.waiting.get() + 1);
  fresh_[(fresh_head_ + fresh_count_++) % fresh_.size()] = client;
}

void Tunnels::failed(std::uint32_t client, Outcome outcome) {
  if (next_ != nullptr) next_->failed(client, outcome);
}

void Tunnels::receive(std::span<const Bytes> packets, std::uint64_t now_ns) {
  while (!packets.empty()) {
    const std::span<const Bytes> burst = packets.first(std::min(packets.size(), kBatchMax));
    packets = packets.subspan(burst.size());
    std::size_t count = 0;
    for (const Bytes packet : burst) {
      const std::uint32_t spi = packet.size() < 4 ? 0 : crypto::load_be32(packet.data());
      const std::uint32_t client = client_of(ike::EspSpi(spi)) - config_.first_client;
      if (client >= config_.clients || tunnel(client).state == TunnelState::none ||
          tunnel(client).spi_in != spi) {
        totals_.unknown_spi.add();
        continue;
      }
      const ike::ChildKeys k = keys(client);
      batch_->clients[count] = client;
      batch_->opens[count] = {.encr = k.encr_r,
                              .integ = k.integ_r,
                              .packet = packet,
                              .plaintext = batch_->plaintexts[count].data()};
      ++count;
    }
    crypto_.open(std::span(batch_->opens).first(count));
    for (std::size_t i = 0; i < count; ++i) take(batch_->clients[i], batch_->opens[i], now_ns);
  }
}

void Tunnels::take(std::uint32_t client, const EspOpenLane& lane, std::uint64_t now_ns) {
  if (!lane.ok) return totals_.wrong_icv.add();
  Tunnel& t = tunnel(client);
  if (!note_number(t.seen, t.top, lane.number)) return totals_.replayed.add();
  Bytes inner;
  bool is_ip6 = false;
  EchoMark mark;
  if (!read_trailer(lane.text, inner, is_ip6) || is_ip6 != t.ends.is_ip6 ||
      !read_echo_reply(t.ends, config_.first_client + client, inner, mark) || mark.number == 0 ||
      mark.number > t.sent || mark.sent_ns > now_ns || mark.kind > kTrafficTimes)
    return totals_.wrong.add();
  if (mark.kind == 0) {
    take_echo(client, mark, now_ns);
  } else {
    take_traffic(mark, now_ns);
  }
}

void Tunnels::take_echo(std::uint32_t client, const EchoMark& mark, std::uint64_t now_ns) {
  Tunnel& t = tunnel(client);
  if (t.state != TunnelState::waiting) return totals_.late.add();
  t.state = TunnelState::back;
  timers_.disarm(client);
  totals_.waiting.set(totals_.waiting.get() - 1);
  totals_.back.add();
  if (totals_.first_back_ns.get() == 0) totals_.first_back_ns.set(now_ns);
  totals_.last_back_ns.set(now_ns);
  latency_->record(now_ns - t.scheduled_ns);
  round_trip_->record(now_ns - mark.sent_ns);
  const bool may_carry =
      config_.traffic_sessions == 0 || carriers_.size() < config_.traffic_sessions;
  if (config_.traffic_rate != 0 && may_carry) carriers_.push_back(client);
}

void Tunnels::take_traffic(const EchoMark& mark, std::uint64_t now_ns) {
  const std::size_t time = mark.kind - 1u;
  totals_.traffic_answered[time].add();
  traffic_latency_[time].record(now_ns - mark.sent_ns);
}

void Tunnels::abandon(std::uint32_t client) {
  tunnel(client).state = TunnelState::given_up;
  timers_.disarm(client);
  totals_.waiting.set(totals_.waiting.get() - 1);
  totals_.given_up.add();
}

void Tunnels::give_up() {
  for (std::uint32_t client = 0; client < config_.clients; ++client)
    if (tunnel(client).state == TunnelState::waiting) abandon(client);
  fresh_count_ = 0;
}

}  // namespace storm
