// Look-ups and deadlines of IKE SAs.
#include "controlplane/sa_table.h"

#include "crypto/base/error.h"

namespace cp {
namespace {

constexpr std::size_t kOldDeadlinesMin = 1024;

std::string text_of(crypto::Bytes octets) { return {octets.begin(), octets.end()}; }

}  // namespace

std::string SaTable::initiator_key(ike::IkeSpi spi_i, const dp::PeerPath& path) {
  std::string key(8, '\0');
  std::array<std::uint8_t, 8> spi;
  crypto::store_be64(spi.data(), spi_i.value());
  key.assign(spi.begin(), spi.end());
  key += text_of(path.peer_octets());
  key += static_cast<char>(path.peer_port >> 8);
  key += static_cast<char>(path.peer_port & 0xff);
  return key;
}

std::string SaTable::prefix_key(const dp::PeerPath& path) {
  return text_of(path.peer_octets().first(path.is_ip6 ? 7 : 3));
}

IkeSa& SaTable::add(std::unique_ptr<IkeSa> sa) {
  IkeSa& added = *sa;
  const std::uint64_t spi = added.our_spi().value();
  CHECK(spi != 0);
  Held held{.sa = std::move(sa)};
  if (is_half_open(added.state)) {
    held.initiator = initiator_key(added.spi_i, added.path);
    held.prefix = prefix_key(added.path);
    by_initiator_.insert_or_assign(held.initiator, spi);
    ++half_open_by_prefix_[held.prefix];
  }
  CHECK(by_spi_.try_emplace(spi, std::move(held)).second);
  return added;
}

std::size_t SaTable::half_open_count(const dp::PeerPath& path) const {
  const auto at = half_open_by_prefix_.find(prefix_key(path));
  return at == half_open_by_prefix_.end() ? 0 : at->second;
}

void SaTable::forget_handshake(Held& held, std::uint64_t spi) {
  if (held.initiator.empty()) return;
  const auto first = by_initiator_.find(held.initiator);
  if (first != by_initiator_.end() && first->second == spi) by_initiator_.erase(first);
  const auto near = half_open_by_prefix_.find(held.prefix);
  if (--near->second == 0) half_open_by_prefix_.erase(near);
  held.initiator.clear();
  held.initiator.shrink_to_fit();
}

IkeSa* SaTable::find(ike::IkeSpi our_spi) {
  const auto at = by_spi_.find(our_spi.value());
  return at == by_spi_.end() ? nullptr : at->second.sa.get();
}

IkeSa* SaTable::find_initiator(ike::IkeSpi spi_i, const dp::PeerPath& path) {
  const auto at = by_initiator_.find(initiator_key(spi_i, path));
  return at == by_initiator_.end() ? nullptr : find(ike::IkeSpi(at->second));
}

std::vector<IkeSa*> SaTable::find_identity(crypto::Bytes id_body) {
  std::vector<IkeSa*> found;
  const auto [begin, end] = by_identity_.equal_range(text_of(id_body));
  for (auto at = begin; at != end; ++at)
    if (IkeSa* sa = find(ike::IkeSpi(at->second))) found.push_back(sa);
  return found;
}

void SaTable::authenticated(IkeSa& sa) {
  ++authenticated_count_;
  const auto at = by_spi_.find(sa.our_spi().value());
  CHECK(at != by_spi_.end());
  forget_handshake(at->second, at->first);
  by_identity_.emplace(text_of(sa.peer_id), sa.our_spi().value());
}

std::unique_ptr<IkeSa> SaTable::remove(ike::IkeSpi our_spi) {
  const auto at = by_spi_.find(our_spi.value());
  if (at == by_spi_.end()) return nullptr;
  const auto [begin, end] = by_identity_.equal_range(text_of(at->second.sa->peer_id));
  for (auto id = begin; id != end; ++id)
    if (id->second == our_spi.value()) {
      by_identity_.erase(id);
      --authenticated_count_;
      break;
    }
  forget_handshake(at->second, at->first);
  std::unique_ptr<IkeSa> removed = std::move(at->second.sa);
  by_spi_.erase(at);
  return removed;
}

// Deadlines of SAs that went long before they were due.
void SaTable::drop_old_deadlines() {
  std::vector<Entry> live;
  for (const auto& [spi, held] : by_spi_)
    if (held.sa->scheduled_ms != ExchangeWindow::kNever)
      live.push_back({held.sa->scheduled_ms, spi});
  deadlines_ = decltype(deadlines_)(std::greater<>(), std::move(live));
}

void SaTable::schedule(IkeSa& sa, std::uint64_t at_ms) {
  if (at_ms >= sa.scheduled_ms) return;
  sa.scheduled_ms = at_ms;
  deadlines_.push({at_ms, sa.our_spi().value()});
  if (deadlines_.size() > 4 * by_spi_.size() + kOldDeadlinesMin) drop_old_deadlines();
}

IkeSa* SaTable::take_due(std::uint64_t now_ms) {
  while (!deadlines_.empty() && deadlines_.top().at_ms <= now_ms) {
    const Entry entry = deadlines_.top();
    deadlines_.pop();
    IkeSa* sa = find(ike::IkeSpi(entry.spi));
    if (sa == nullptr || sa->scheduled_ms != entry.at_ms) continue;
    sa->scheduled_ms = ExchangeWindow::kNever;
    return sa;
  }
  return nullptr;
}

std::uint64_t SaTable::next_deadline_ms() const {
  return deadlines_.empty() ? ExchangeWindow::kNever : deadlines_.top().at_ms;
}

void SaTable::for_each(const std::function<void(IkeSa&)>& visit) {
  for (auto& [spi, held] : by_spi_) visit(*held.sa);
}

}  // namespace cp
