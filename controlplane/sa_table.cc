// Look-ups and deadlines of IKE SAs.
#include "controlplane/sa_table.h"

#include "crypto/base/error.h"

namespace cp {
namespace {

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

IkeSa& SaTable::add(std::unique_ptr<IkeSa> sa) {
  IkeSa& added = *sa;
  const std::uint64_t spi = added.our_spi().value();
  CHECK(spi != 0);
  if (added.state == SaState::half_open)
    by_initiator_.insert_or_assign(initiator_key(added.spi_i, added.path), spi);
  CHECK(by_spi_.try_emplace(spi, std::move(sa)).second);
  return added;
}

IkeSa* SaTable::find(ike::IkeSpi our_spi) {
  const auto at = by_spi_.find(our_spi.value());
  return at == by_spi_.end() ? nullptr : at->second.get();
}

IkeSa* SaTable::find_initiator(ike::IkeSpi spi_i, const dp::PeerPath& path) {
  const auto at = by_initiator_.find(initiator_key(spi_i, path));
  if (at == by_initiator_.end()) return nullptr;
  IkeSa* sa = find(ike::IkeSpi(at->second));
  if (sa == nullptr) by_initiator_.erase(at);
  return sa;
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
  by_identity_.emplace(text_of(sa.peer_id), sa.our_spi().value());
}

void SaTable::remove(ike::IkeSpi our_spi) {
  const auto at = by_spi_.find(our_spi.value());
  if (at == by_spi_.end()) return;
  const IkeSa& sa = *at->second;
  const auto [begin, end] = by_identity_.equal_range(text_of(sa.peer_id));
  for (auto id = begin; id != end; ++id)
    if (id->second == our_spi.value()) {
      by_identity_.erase(id);
      --authenticated_count_;
      break;
    }
  if (!sa.we_initiated) {
    const auto first = by_initiator_.find(initiator_key(sa.spi_i, sa.path));
    if (first != by_initiator_.end() && first->second == our_spi.value())
      by_initiator_.erase(first);
  }
  by_spi_.erase(at);
}

void SaTable::schedule(IkeSa& sa, std::uint64_t at_ms) {
  if (at_ms >= sa.scheduled_ms) return;
  sa.scheduled_ms = at_ms;
  deadlines_.push({at_ms, sa.our_spi().value()});
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
  for (auto& [spi, sa] : by_spi_) visit(*sa);
}

}  // namespace cp
