// What clients send through their tunnels, and when.
#include <algorithm>

#include "crypto/base/error.h"
#include "tools/storm/tunnels.h"
#include "tools/storm/tunnels_batch.h"

namespace storm {
namespace {

constexpr std::uint64_t kSecondNs = 1'000'000'000;
constexpr std::uint64_t kArrearsMax = 100;  // of a second: what traffic may catch up with
constexpr std::size_t kEchoLen4 = 84, kEchoLen6 = 104;  // as ping sends them

}  // namespace

std::size_t Tunnels::poll(std::uint64_t now_ns, std::span<Outgoing> out) {
  std::array<std::uint32_t, kBatchMax> clients;
  const std::span<std::uint32_t> all = std::span(clients).first(std::min(out.size(), kBatchMax));
  std::size_t echoes = collect_echoes(now_ns, all);
  echoes += collect_due(now_ns, all.subspan(echoes));
  const std::size_t count = echoes + collect_traffic(now_ns, all.subspan(echoes));
  if (count != 0) write(all.first(count), echoes, now_ns, out);
  return count;
}

std::size_t Tunnels::collect_echoes(std::uint64_t now_ns, std::span<std::uint32_t> clients) {
  std::size_t count = 0;
  while (count < clients.size() && fresh_count_ != 0) {
    const std::uint32_t client = fresh_[fresh_head_];
    fresh_head_ = (fresh_head_ + 1) % fresh_.size();
    --fresh_count_;
    arm(client, now_ns);
    clients[count++] = client;
  }
  return count;
}

std::size_t Tunnels::collect_due(std::uint64_t now_ns, std::span<std::uint32_t> clients) {
  std::array<std::uint32_t, kBatchMax> due;
  std::size_t count = 0;
  while (count < clients.size()) {
    const std::size_t expired =
        timers_.expire(now_ns, std::span(due).first(clients.size() - count));
    if (expired == 0) break;
    for (const std::uint32_t client : std::span(due).first(expired)) {
      if (tunnel(client).tries >= config_.retry.tries) {
        abandon(client);
        continue;
      }
      totals_.repeated.add();
      arm(client, now_ns);
      clients[count++] = client;
    }
  }
  return count;
}

std::size_t Tunnels::collect_traffic(std::uint64_t now_ns, std::span<std::uint32_t> clients) {
  if (carriers_.empty() || traffic_stopped_) return 0;
  if (traffic_epoch_ns_ == 0) traffic_epoch_ns_ = now_ns;
  const std::uint64_t due = (now_ns - traffic_epoch_ns_) * config_.traffic_rate / kSecondNs;
  traffic_due_ = std::max(traffic_due_,
                          due - std::min<std::uint64_t>(due, config_.traffic_rate / kArrearsMax));
  const std::size_t count =
      std::min(clients.size(), static_cast<std::size_t>(due - std::min(due, traffic_due_)));
  for (std::size_t i = 0; i < count; ++i) {
    next_carrier_ = next_carrier_ + 1 < carriers_.size() ? next_carrier_ + 1 : 0;
    clients[i] = carriers_[next_carrier_];
  }
  traffic_due_ += count;
  totals_.traffic_sent[static_cast<std::size_t>(traffic_time_)].add(count);
  return count;
}

void Tunnels::arm(std::uint32_t client, std::uint64_t now_ns) {
  Tunnel& t = tunnel(client);
  const RetryPolicy& retry = config_.retry;
  ++t.tries;
  totals_.sent.add();
  const double chance = static_cast<double>(random_.u32()) / 4294967296.0;
  const double factor = 1 - retry.jitter + 2 * retry.jitter * chance;
  const auto interval_ns = static_cast<double>(t.interval_ns);
  timers_.arm(client, now_ns + static_cast<std::uint64_t>(interval_ns * factor));
  t.interval_ns = static_cast<std::uint64_t>(interval_ns * retry.factor);
}

// A repetition is a new packet: the gateway would take the same octets for a replay.
void Tunnels::write(std::span<const std::uint32_t> clients, std::size_t echoes,
                    std::uint64_t now_ns, std::span<Outgoing> out) {
  const auto traffic_kind = static_cast<std::uint8_t>(1 + static_cast<std::size_t>(traffic_time_));
  for (std::size_t i = 0; i < clients.size(); ++i) {
    const std::uint32_t client = clients[i];
    Tunnel& t = tunnel(client);
    CHECK(t.sent != 0xffffffff);  // RFC 4303 §2.2: the number never wraps.
    const EchoMark mark{.client = config_.first_client + client,
                        .number = ++t.sent,
                        .sent_ns = now_ns,
                        .kind = i < echoes ? std::uint8_t{0} : traffic_kind};
    const std::size_t inner_len = i >= echoes     ? config_.traffic_len
                                  : t.ends.is_ip6 ? kEchoLen6
                                                  : kEchoLen4;
    const crypto::MutBytes packet =
        crypto::MutBytes(batch_->packets[i]).first(crypto_.sealed_len(inner_len));
    write_echo_request(t.ends, mark, packet.subspan(crypto_.text_offset(), inner_len));
    const ike::ChildKeys k = keys(client);
    batch_->seals[i] = {.encr = k.encr_i,
                        .integ = k.integ_i,
                        .spi = t.spi_out,
                        .number = t.sent,
                        .inner_len = inner_len,
                        .is_ip6 = t.ends.is_ip6,
                        .packet = packet};
    out[i] = {.client = mark.client, .first_exchange = false, .message = packet, .is_esp = true};
  }
  crypto_.seal(std::span(batch_->seals).first(clients.size()));
}

}  // namespace storm
